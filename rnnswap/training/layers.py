"""Which parameters make up a layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rnnswap.clip._names import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

#: More layers than this are joined: a layer of layers counts as one then.
MOST = 64
_REST = "others"


class Layers:
    """The layers that some parameters belong to: the modules that hold them.

    Args:
        parameters: Of an optimizer, in the order of their norms.
    """

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self._ids = [id(p) for p in parameters]
        self._layers = layers_of(names_of(parameters))

    def are_of(self, parameters: Sequence[Tensor]) -> bool:
        """Whether these are the layers of `parameters`."""
        return self._ids == [id(p) for p in parameters]

    def norms(self, norms: Sequence[float], p: float) -> dict[str, float | None]:
        """Return the p-norm of each layer, given that of each parameter."""
        parts: dict[str, list[float]] = {}
        for layer, norm in zip(self._layers, norms, strict=True):
            parts.setdefault(layer, []).append(norm)
        return {layer: _combined(each, p) for layer, each in parts.items()}


def layers_of(names: Sequence[str]) -> list[str]:
    """Return the layer of each parameter name: all but its last part, or less if there are many."""
    paths = [name.split(".")[:-1] or [name] for name in names]
    depth = max(map(len, paths), default=1)
    while depth > 1 and len({*map(tuple, paths)}) > MOST:
        depth -= 1
        paths = [path[:depth] for path in paths]
    layers = [".".join(path) for path in paths]
    first = [*dict.fromkeys(layers)]
    kept = {*first} if len(first) <= MOST else {*first[: MOST - 1]}
    return [layer if layer in kept else _REST for layer in layers]


def _combined(norms: Sequence[float], p: float) -> float:
    if len(norms) == 1:
        return norms[0]
    if math.isinf(p):
        return math.nan if any(map(math.isnan, norms)) else max(norms)
    # Scaled by the greatest, which alone could overflow when raised.
    most = max(norms)
    if not math.isfinite(most) or not most:
        return sum(norms)
    return float(most * sum((norm / most) ** p for norm in norms) ** (1 / p))
