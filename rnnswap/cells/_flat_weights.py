"""nn.LSTM's list of weights, `_flat_weights`: what somebody writes into it is computed with.

nn.LSTM reads that list at each call, and code writes into it: weight drop, LoRA, quantisation. A
cell reads its parameters by name, so that no list goes stale, and keeps beside them what was
written into the list. As with nn.LSTM, an attribute that is set afterwards counts instead, and
moving the layer makes the list anew.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import Any, SupportsIndex

from torch import Tensor, nn

#: Written to by nobody. Not a mapping proxy, which Dynamo cannot follow where a dict changes.
_NOTHING: Mapping[str, Any] = {}


class FlatWeights(list[Any]):
    """The weights of a layer in the order of their names; an element that is set is used."""

    def __init__(self, weights: Iterable[Any], layer: HasFlatWeights) -> None:
        super().__init__(weights)
        self._layer = layer

    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        super().__setitem__(index, value)
        self._layer._flat_weights = self

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)  # a copy is of no layer


class HasFlatWeights(nn.RNNBase):
    """An nn.RNNBase without its cached parameters, whose list of them can be written to."""

    #: What was written into the list and is no attribute of the layer, by name.
    _written: Mapping[str, Any] = _NOTHING

    # RNNBase's own keep the list; all others' are called: nn.Module's and those of classes beside.
    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._written:
            self._written = {n: w for n, w in self._written.items() if n != name}
        super(nn.RNNBase, self).__setattr__(name, value)

    def __setstate__(self, state: Any) -> None:
        super(nn.RNNBase, self).__setstate__(state)  # type: ignore[no-untyped-call]

    def __getstate__(self) -> Any:
        return object.__getstate__(self)

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        result = super(nn.RNNBase, self)._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._init_flat_weights()
        return result

    def _replicate_for_data_parallel(self) -> Any:
        return super(nn.RNNBase, self)._replicate_for_data_parallel()  # type: ignore[no-untyped-call]

    @property
    def _flat_weights_names(self) -> list[str]:  # type: ignore[override]
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> FlatWeights:
        names = self._flat_weights_names
        return FlatWeights((self._written.get(n, getattr(self, n, None)) for n in names), self)

    @_flat_weights.setter
    def _flat_weights(self, weights: Iterable[Any]) -> None:
        names, weights = self._flat_weights_names, list(weights)
        if len(weights) != len(names):
            raise ValueError(
                f"_flat_weights takes {len(names)} weights ({', '.join(names)}), got {len(weights)}"
            )
        pairs = zip(names, weights, strict=True)
        self._written = {n: w for n, w in pairs if w is not getattr(self, n, None)}

    @property
    def _flat_weight_refs(self) -> list[Any]:
        return [None if w is None else weakref.ref(w) for w in self._flat_weights]

    @_flat_weight_refs.setter
    def _flat_weight_refs(self, refs: list[Any]) -> None:
        """Keep nothing: nn.LSTM finds out by them whether its list is stale, which ours is not."""

    def _init_flat_weights(self) -> None:
        self.__dict__.pop("_written", None)

    def _update_flat_weights(self) -> None:
        """Do nothing: the list is made of the present attributes whenever it is read."""

    def flatten_parameters(self) -> None:
        """Do nothing: no parameter is copied into a flat buffer here."""

    def _weight(self, name: str) -> Tensor:
        """Return the weight that counts under a name."""
        weight = self._written.get(name) if self._written else self._parameters.get(name)
        # Module's lookup comes last to its parameters.
        found: Tensor = getattr(self, name) if weight is None else weight
        return found
