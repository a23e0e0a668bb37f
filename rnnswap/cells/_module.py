"""What a recurrent layer is as a module: constructor, parameters by nn.LSTM's names, manners."""

from __future__ import annotations

import math
from collections.abc import Iterator, Set
from typing import Any, ClassVar, NoReturn

import torch
from torch import Tensor, nn

from rnnswap._tracing import is_traced
from rnnswap.cells._arguments import (
    as_int,
    as_plain,
    check_constructor,
    check_flag,
    check_probability,
    refuse_script,
)
from rnnswap.cells._checkpoints import SaysItsCell
from rnnswap.cells._flat_weights import HasFlatWeights
from rnnswap.cells._names import FreeNames
from rnnswap.constructors import written_options
from rnnswap.ops._memory import DrawnInNewMemory
from rnnswap.spec import TRACED_LENGTH, refuse_unsupported
from rnnswap.yielding import Yielding

_LSTM_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


class RecurrentModule(SaysItsCell, FreeNames, DrawnInNewMemory, HasFlatWeights):
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

    # Read by these names, until a user has others for them.
    num_directions = Yielding("_directions")
    output_size = Yielding("_output_size")
    layer_norm = Yielding("_layer_norm")
    zoneout = Yielding("_zoneout")
    input_dropout = Yielding("_input_dropout")

    # For subclasses with a forward of their own; RNNBase's take a state of one tensor.
    get_expected_cell_size = nn.LSTM.get_expected_cell_size
    check_forward_args = nn.LSTM.check_forward_args  # type: ignore[assignment]
    permute_hidden = nn.LSTM.permute_hidden  # type: ignore[assignment]

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
        refuse_unsupported(type(self).__name__, type(self).unsupported, asked)
        check_flag("layer_norm", layer_norm)
        check_probability("zoneout", zoneout)
        check_probability("input_dropout", input_dropout)
        # What stands after RNNBase, whose own makes parameters of four gates; a class beside the
        # cell is made, too.
        super(nn.RNNBase, self).__init__()
        self.mode = "LSTM"  # clients branch on it to know that the state is a pair
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = as_int("num_layers", num_layers)
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = as_plain(proj_size)
        self._gates = type(self).gates
        self._states = type(self).states
        self._layer_norm = layer_norm
        self._zoneout = float(zoneout)
        self._input_dropout = float(input_dropout)
        self._all_weights: list[list[str]] = []
        self._own_weights: list[list[str]] = []  # nn.LSTM's lists stay its own
        self._gains: list[list[str]] = []  # of layer_norm
        for layer, suffix in self._places():
            shapes = type(self).weight_shapes(self, layer)
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
                ones = torch.ones(self._gates * self.hidden_size, device=device, dtype=dtype)
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

    @property
    def _directions(self) -> int:
        """D: 2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def _output_size(self) -> int:
        """Features of the output of one direction: P with a projection, else H."""
        return self.proj_size or self.hidden_size

    def __prepare_scriptable__(self) -> NoReturn:
        refuse_script(self)

    def extra_repr(self) -> str:
        """Return nn.LSTM's arguments that differ from their defaults, then the cell's own."""
        return ", ".join([super().extra_repr(), *written_options(self)])

    def _weight_dtype(self) -> torch.dtype:
        return self._weight(self._all_weights[0][0]).dtype

    def _weights(self, index: int) -> dict[str, Tensor]:
        """Read the parameters of one layer and direction, by name without suffix.

        Read at each call: a parametrization or a weight-drop wrapper may have put new ones there.
        """
        names = (*self._all_weights[index], *self._own_weights[index], *self._gains[index])
        # Sooner than Module's lookup, which comes to its parameters last.
        own = {} if self._written else self._parameters
        return {
            name.rpartition("_l")[0]: self._weight(name) if (w := own.get(name)) is None else w
            for name in names
        }

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
        rows = self._gates * self.hidden_size
        below = self.input_size if layer == 0 else self._output_size * self._directions
        shapes = {"weight_ih": (rows, below), "weight_hh": self._recurrent_shape()}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    def _writable(self, output: Tensor) -> Tensor:
        """Return what the caller may write into before backward, where nn.LSTM lets him.

        Recurrences keep their outputs for backward. Of one state in float32 that stays so: a copy
        would cost more than two parts in a hundred of a training step.
        """
        if not output.requires_grad:
            return output
        copied = self._states == 2 and (self.proj_size or output.dim() == 2)
        # A trace is made with gradients and checked without: it must be the same.
        if (copied or output.dtype == torch.float64) and not is_traced():
            return output.clone()
        return output

    def _gain_names(self) -> list[str]:
        """Names without "weight" or "bias", which code that fills those would overwrite."""
        if not self._layer_norm:
            return []
        return ["gain_ih", "gain_hh"] if type(self).normalises_recurrent else ["gain_ih"]

    def _recurrent_shape(self) -> tuple[int, ...]:
        """Shape of weight_hh: it multiplies what a step reads as h."""
        read = self._output_size if self._states == 2 else self.hidden_size
        return (self._gates * self.hidden_size, read)


def declare_traced_length(kind: type[RecurrentModule], written_out: bool) -> None:
    """Let a layer class declare whether a trace of it serves one length only."""
    declared = kind.unsupported
    if not isinstance(declared, Set):  # a user's own attribute
        return
    if written_out and TRACED_LENGTH not in declared:
        kind.unsupported = frozenset(declared | {TRACED_LENGTH})
    elif not written_out and TRACED_LENGTH in declared and "unsupported" not in vars(kind):
        kind.unsupported = frozenset(declared - {TRACED_LENGTH})
