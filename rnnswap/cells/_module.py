"""What a recurrent layer is as a module: constructor, parameters by nn.LSTM's names, manners."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn

import torch
from torch import Tensor, nn

from rnnswap.cells._arguments import (
    check_constructor,
    check_flag,
    check_probability,
    refuse_script,
)
from rnnswap.cells._checkpoints import SaysItsCell
from rnnswap.cells._signature import merged_signature, nondefault_options
from rnnswap.ops._memory import DrawnInNewMemory
from rnnswap.spec import refuse_unsupported

_LSTM_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


class RecurrentModule(SaysItsCell, DrawnInNewMemory, nn.RNNBase):
    """An nn.RNNBase with nn.LSTM's constructor and names, without RNNBase's cached parameters."""

    #: Rows of the weights in units of H.
    gates: ClassVar[int]
    #: 1: the state is (h,); 2: it is (h, c).
    states: ClassVar[int] = 1
    #: Names among nn.LSTM's arguments that this class cannot honour, and what else it declares
    #: (`rnnswap.testing.check_drop_in`).
    unsupported: ClassVar[frozenset[str]] = frozenset()
    #: Whether `step` adds bias_hh itself, inside its gates as a GRU does; else it comes in gates_x.
    recurrent_bias_apart: ClassVar[bool] = False
    #: Whether `layer_norm` has a gain for the recurrent product as well as for the input's.
    normalises_recurrent: ClassVar[bool] = False

    # RNNBase keeps a list of its parameters beside the parameters and repairs it in these; the
    # list goes stale under parametrizations, so here it is a property and Module's own serve.
    __setattr__ = nn.Module.__setattr__  # type: ignore[assignment]
    __setstate__ = nn.Module.__setstate__
    __getstate__ = object.__getstate__
    # For subclasses with a forward of their own; RNNBase's take a state of one tensor.
    get_expected_cell_size = nn.LSTM.get_expected_cell_size
    check_forward_args = nn.LSTM.check_forward_args  # type: ignore[assignment]
    permute_hidden = nn.LSTM.permute_hidden  # type: ignore[assignment]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__signature__ = merged_signature(cls, RecurrentModule)  # type: ignore[attr-defined]

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
        *,
        layer_norm: bool = False,
        zoneout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        check_constructor(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size
        )
        asked = {
            "num_layers": num_layers,
            "bias": bias,
            "batch_first": batch_first,
            "dropout": dropout,
            "bidirectional": bidirectional,
            "proj_size": proj_size,
        }
        refuse_unsupported(type(self).__name__, self.unsupported, asked)
        check_flag("layer_norm", layer_norm)
        check_probability("zoneout", zoneout)
        check_probability("input_dropout", input_dropout)
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
        self.layer_norm = layer_norm
        self.zoneout = float(zoneout)
        self.input_dropout = float(input_dropout)
        self._all_weights: list[list[str]] = []
        self._own_weights: list[list[str]] = []  # nn.LSTM's lists stay its own
        self._gains: list[list[str]] = []  # of layer_norm
        for layer, suffix in self._places():
            shapes = self.weight_shapes(layer)
            for name, shape in shapes.items():
                tensor = torch.empty(shape, device=device, dtype=dtype)
                # One without elements learns nothing, and FSDP2 refuses its gradient.
                parameter = nn.Parameter(tensor, requires_grad=tensor.numel() > 0)
                self.register_parameter(name + suffix, parameter)
            known = [name + suffix for name in shapes if name in _LSTM_NAMES]
            self._all_weights.append(known)
            self._own_weights.append([n + suffix for n in shapes if n + suffix not in known])
            gains = self._gain_names()
            for name in gains:
                ones = torch.ones(self.gates * self.hidden_size, device=device, dtype=dtype)
                self.register_parameter(name + suffix, nn.Parameter(ones))
            self._gains.append([name + suffix for name in gains])
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every weight and bias from U(-1/sqrt(H), 1/sqrt(H)), as nn.LSTM does."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self._flat_weights:
            if weight.numel():  # a shard of nothing cannot be drawn
                nn.init.uniform_(weight, -bound, bound)
        for name in (name for names in self._own_weights for name in names):
            nn.init.uniform_(getattr(self, name), -bound, bound)
        for name in (name for names in self._gains for name in names):
            nn.init.ones_(getattr(self, name))

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
        refuse_script(self)

    def extra_repr(self) -> str:
        """Return nn.LSTM's arguments that differ from their defaults, then the cell's own."""
        return ", ".join([super().extra_repr(), *nondefault_options(self)])

    def _weight_dtype(self) -> torch.dtype:
        return self._weight(self._all_weights[0][0]).dtype

    def _weights(self, index: int) -> dict[str, Tensor]:
        """Read the parameters of one layer and direction, by name without suffix.

        Read at each call: a parametrization or a weight-drop wrapper may have put new ones there.
        """
        names = (*self._all_weights[index], *self._own_weights[index], *self._gains[index])
        return {name.rpartition("_l")[0]: self._weight(name) for name in names}

    def _weight(self, name: str) -> Tensor:
        weight = self._parameters.get(name)  # sooner than Module's lookup, which comes here last
        found: Tensor = getattr(self, name) if weight is None else weight
        return found

    def _places(self) -> Iterator[tuple[int, str]]:
        """Yield (layer, suffix of its parameters' names) in nn.LSTM's order."""
        for layer in range(self.num_layers):
            yield layer, f"_l{layer}"
            if self.bidirectional:
                yield layer, f"_l{layer}_reverse"

    def weight_shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter of one layer and direction, by name without suffix.

        A cell with parameters of its own, or of other shapes, overrides it; nn.LSTM's names stay,
        and every weight has two dimensions. All are handed to `step` in `weights`, and drawn by
        `reset_parameters`. Called by the constructor.

        Args:
            layer: From 0; the first reads the input, the others what is below.
        """
        rows = self.gates * self.hidden_size
        below = self.input_size if layer == 0 else self.output_size * self.num_directions
        shapes = {"weight_ih": (rows, below), "weight_hh": self._recurrent_shape()}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    def _gain_names(self) -> list[str]:
        """Names without "weight" or "bias", which code that fills those would overwrite."""
        if not self.layer_norm:
            return []
        return ["gain_ih", "gain_hh"] if self.normalises_recurrent else ["gain_ih"]

    def _recurrent_shape(self) -> tuple[int, ...]:
        """Shape of weight_hh: it multiplies what a step reads as h."""
        read = self.output_size if self.states == 2 else self.hidden_size
        return (self.gates * self.hidden_size, read)
