"""Gradient clipping: policies, and how they are made to act.

    handle = rnnswap.clip.attach("norm:1.0", optimizer)    # this optimizer
    handle = rnnswap.clip.install("hook:-0.1,1.0")         # every optimizer of the process

A third party's policy subclasses `ClipPolicy` and is registered by a `rnnswap.ClipSpec`.
"""

from rnnswap.clip._attach import attach
from rnnswap.clip._hook import HookClip
from rnnswap.clip._install import install
from rnnswap.clip._none import NoClip
from rnnswap.clip._norm import NormClip
from rnnswap.clip._parse import parse
from rnnswap.clip._policy import ClipPolicy, ClipResult
from rnnswap.clip._value import ValueClip

__all__ = [
    "ClipPolicy",
    "ClipResult",
    "HookClip",
    "NoClip",
    "NormClip",
    "ValueClip",
    "attach",
    "install",
    "parse",
]
