"""Gradient clipping: policies, and how they are made to act.

    handle = rnnswap.clip.attach("norm:1.0", optimizer)    # this optimizer
    handle = rnnswap.clip.install("range:-0.1,1.0")        # every optimizer of the process

A third party's policy subclasses `ClipPolicy` and is registered by a `rnnswap.ClipSpec`.
"""

from rnnswap.clip._agc import AdaptiveClip
from rnnswap.clip._attach import attach
from rnnswap.clip._by_name import ByNameClip
from rnnswap.clip._handle import ClipHandle
from rnnswap.clip._hook import HookClip
from rnnswap.clip._install import install
from rnnswap.clip._layer_norm import LayerNormClip
from rnnswap.clip._none import NoClip
from rnnswap.clip._norm import NormClip
from rnnswap.clip._parse import parse
from rnnswap.clip._percentile import PercentileClip
from rnnswap.clip._policy import ClipPolicy, ClipResult
from rnnswap.clip._range import RangeClip
from rnnswap.clip._value import ValueClip
from rnnswap.clip._zclip import ZClip

__all__ = [
    "AdaptiveClip",
    "ByNameClip",
    "ClipHandle",
    "ClipPolicy",
    "ClipResult",
    "HookClip",
    "LayerNormClip",
    "NoClip",
    "NormClip",
    "PercentileClip",
    "RangeClip",
    "ValueClip",
    "ZClip",
    "attach",
    "install",
    "parse",
]
