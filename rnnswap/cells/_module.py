"""What a recurrent layer is as a module: constructor, parameters by nn.LSTM's names, manners."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn

import torch
from torch import Tensor, nn

from rnnswap.cells._arguments import check_constructor
from rnnswap.errors import UnsupportedError


class RecurrentModule(nn.RNNBase):
    """An nn.RNNBase with nn.LSTM's constructor and names, without RNNBase's cached parameters."""

    #: Rows of the weights in units of H.
    gates: ClassVar[int]
    #: 1: the state is (h,); 2: it is (h, c).
    states: ClassVar[int] = 1

    # RNNBase keeps a list of its parameters beside the parameters and repairs it in these; the
    # list goes stale under parametrizations, so here it is a property and Module's own serve.
    __setattr__ = nn.Module.__setattr__  # type: ignore[assignment]
    __setstate__ = nn.Module.__setstate__
    __getstate__ = object.__getstate__
    _apply = nn.Module._apply

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__signature__ = _signature(cls)  # type: ignore[attr-defined]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_constructor(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size
        )
        nn.Module.__init__(self)
        self.mode = "LSTM"  # clients branch on it to know that the state is a pair
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        for layer, suffix in self._places():
            shapes = self._weight_shapes(layer)
            for name, shape in shapes.items():
                tensor = torch.empty(shape, device=device, dtype=dtype)
                self.register_parameter(name + suffix, nn.Parameter(tensor))
            self._all_weights.append([name + suffix for name in shapes])
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every weight and bias from U(-1/sqrt(H), 1/sqrt(H)), as nn.LSTM does."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self._flat_weights:
            nn.init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: no parameter is copied into a flat buffer here."""

    @property
    def num_directions(self) -> int:
        """D: 2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def output_size(self) -> int:
        """Features of the output of one direction: P with a projection, else H."""
        return self.proj_size or self.hidden_size

    @property
    def _flat_weights_names(self) -> list[str]:  # type: ignore[override]
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Tensor]:  # type: ignore[override]
        return [getattr(self, name) for name in self._flat_weights_names]

    def _init_flat_weights(self) -> None:
        """RNNBase's cache of its parameters does not exist here."""

    def _update_flat_weights(self) -> None:
        """RNNBase's cache of its parameters does not exist here."""

    def _replicate_for_data_parallel(self) -> Any:
        return nn.Module._replicate_for_data_parallel(self)  # type: ignore[no-untyped-call]

    def __prepare_scriptable__(self) -> NoReturn:
        raise UnsupportedError(
            f"torch.jit.script cannot compile {type(self).__name__}: "
            "use torch.compile, torch.export or torch.jit.trace"
        )

    def extra_repr(self) -> str:
        """Return nn.LSTM's arguments that differ from their defaults, then the cell's own."""
        extras = [f"{name}={value!r}" for name, value in self._options().items()]
        return ", ".join([super().extra_repr(), *extras])

    def _options(self) -> dict[str, Any]:
        """Return the cell's own options that differ from their defaults."""
        own = inspect.signature(type(self)).parameters.values()
        return {
            p.name: getattr(self, p.name)
            for p in own
            if p.kind is p.KEYWORD_ONLY and getattr(self, p.name, p.default) != p.default
        }

    def _weight_dtype(self) -> torch.dtype:
        dtype: torch.dtype = getattr(self, self._all_weights[0][0]).dtype
        return dtype

    def _weights(self, index: int) -> dict[str, Tensor]:
        """Read the parameters of one layer and direction, by name without suffix.

        Read at each call: a parametrization or a weight-drop wrapper may have put new ones there.
        """
        names = self._all_weights[index]
        return {name.partition("_l")[0]: getattr(self, name) for name in names}

    def _places(self) -> Iterator[tuple[int, str]]:
        """Yield (layer, suffix of its parameters' names) in nn.LSTM's order."""
        for layer in range(self.num_layers):
            yield layer, f"_l{layer}"
            if self.bidirectional:
                yield layer, f"_l{layer}_reverse"

    def _weight_shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        rows = self.gates * self.hidden_size
        below = self.input_size if layer == 0 else self.output_size * self.num_directions
        shapes = {"weight_ih": (rows, below), "weight_hh": self._recurrent_shape()}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    def _recurrent_shape(self) -> tuple[int, ...]:
        """Shape of weight_hh: it multiplies what a step reads as h."""
        read = self.output_size if self.states == 2 else self.hidden_size
        return (self.gates * self.hidden_size, read)


def _signature(cls: type) -> inspect.Signature:
    """Return nn.LSTM's arguments followed by every keyword-only extra of `cls` and its bases."""
    parameters: dict[str, inspect.Parameter] = {}
    for owner in reversed(cls.__mro__):
        if issubclass(owner, RecurrentModule) and "__init__" in vars(owner):
            for p in list(inspect.signature(vars(owner)["__init__"]).parameters.values())[1:]:
                if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                    parameters[p.name] = p
    return inspect.Signature(sorted(parameters.values(), key=lambda p: p.kind))
