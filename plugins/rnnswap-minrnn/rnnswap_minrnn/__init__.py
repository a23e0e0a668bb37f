"""minGRU and minLSTM (Feng et al., Were RNNs all we needed?, arXiv:2410.01201) for rnnswap.

Importing the package imports no torch: rnnswap reads `rnnswap_minrnn.plugin` to list what is
installed. The classes are resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnswap_minrnn._layers import MinGRU as MinGRU
    from rnnswap_minrnn._layers import MinLSTM as MinLSTM

__all__ = ["MinGRU", "MinLSTM"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'rnnswap_minrnn' has no attribute {name!r}")
    from rnnswap_minrnn import _layers

    return getattr(_layers, name)
