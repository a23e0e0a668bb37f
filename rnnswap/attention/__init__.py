"""Attention mechanisms: modules that map (query, key, value, mask) to (context, weights).

Masks say True = attend, the opposite of nn.MultiheadAttention. Weights are >= 0 and sum to 1 over
the keys; a row whose keys are all masked has weights and context of zero, never NaN.

`MultiheadAttention` is the exception: it stands where nn.MultiheadAttention stands and has torch's
arguments and masks, in which True = ignore.
"""

from rnnswap.attention._base import Attention as Attention
from rnnswap.attention._feature import FeatureAttention as FeatureAttention
from rnnswap.attention._feature import feature_attention as feature_attention
from rnnswap.attention._hard import HardAttention as HardAttention
from rnnswap.attention._hard import hard_attention as hard_attention
from rnnswap.attention._multihead import MultiHead as MultiHead
from rnnswap.attention._multihead import multihead_attention as multihead_attention
from rnnswap.attention._self import SelfAttention as SelfAttention
from rnnswap.attention._self import self_attention as self_attention
from rnnswap.attention._soft import SoftAttention as SoftAttention
from rnnswap.attention._soft import soft_attention as soft_attention
from rnnswap.attention._torchs import MultiheadAttention as MultiheadAttention

__all__ = [
    "Attention",
    "FeatureAttention",
    "HardAttention",
    "MultiHead",
    "MultiheadAttention",
    "SelfAttention",
    "SoftAttention",
    "feature_attention",
    "hard_attention",
    "multihead_attention",
    "self_attention",
    "soft_attention",
]
