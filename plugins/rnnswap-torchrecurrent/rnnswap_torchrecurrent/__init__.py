"""Every layer of the package torchrecurrent with nn.LSTM's contract, for rnnswap.

Importing the package imports no torch; a class is made when it is first asked for.
"""

from __future__ import annotations

from typing import Any

from rnnswap_torchrecurrent._names import DECLARED, OPTIONS, UNSUPPORTED

__all__ = sorted(OPTIONS)


def __getattr__(name: str) -> Any:
    if name not in OPTIONS:
        raise AttributeError(f"module 'rnnswap_torchrecurrent' has no attribute {name!r}")
    from rnnswap_torchrecurrent._layer import adapted

    lacks = UNSUPPORTED.get(name, set()) | DECLARED.get(name, set())
    made = adapted(name, OPTIONS[name], frozenset(lacks))
    globals()[name] = made
    return made
