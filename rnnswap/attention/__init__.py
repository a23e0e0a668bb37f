"""Attention mechanisms: modules that map (query, key, value, mask) to (context, weights).

Masks say True = attend, the opposite of nn.MultiheadAttention. Weights are >= 0 and sum to 1 over
the keys; a row whose keys are all masked has weights and context of zero, never NaN.
"""

from rnnswap.attention._soft import SoftAttention as SoftAttention

__all__ = ["SoftAttention"]
