"""Sparse attention for rnnswap: sparsemax and alpha-entmax. Importing it imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnswap_entmax._attention import EntmaxAttention as EntmaxAttention
    from rnnswap_entmax._attention import SparsemaxAttention as SparsemaxAttention

__all__ = ["EntmaxAttention", "SparsemaxAttention"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'rnnswap_entmax' has no attribute {name!r}")
    from rnnswap_entmax import _attention

    return getattr(_attention, name)
