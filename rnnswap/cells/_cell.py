"""The contract of nn.LSTMCell, kept once for every cell: one step, a pair in, a pair out."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NoReturn

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnswap._tracing import as_one_node, is_traced
from rnnswap.cells._arguments import autocast_dtype, cast_down, check_state_like, refuse_script
from rnnswap.cells._checkpoints import SaysItsCell
from rnnswap.cells._layer import State, Weights
from rnnswap.cells._names import FreeNames
from rnnswap.constructors import written_options
from rnnswap.ops._memory import DrawnInNewMemory
from rnnswap.ops._scan import keep_in_graph


class RecurrentCell(SaysItsCell, FreeNames, DrawnInNewMemory, nn.RNNCellBase):
    """Base of every single-step cell that stands where nn.LSTMCell stands.

    Args:
        input_size: I, features of the input, > 0.
        hidden_size: H, units, > 0.
        bias: Without it bias_ih and bias_hh are None.
        device: Of the parameters.
        dtype: Of the parameters.
    """

    gates: ClassVar[int]
    states: ClassVar[int] = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        # What stands after RNNCellBase, whose own makes weight_hh square.
        super(nn.RNNCellBase, self).__init__()
        self._gates = type(self).gates
        self._states = type(self).states
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = self._gates * hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, input_size),
            "weight_hh": self._recurrent_shape(),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
        }
        for name, shape in shapes.items():
            wanted = bias or name.startswith("weight")
            tensor = torch.empty(shape, device=device, dtype=dtype) if wanted else None
            self.register_parameter(name, None if tensor is None else nn.Parameter(tensor))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every weight and bias from U(-1/sqrt(H), 1/sqrt(H)), as nn.LSTMCell does."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def step(self, gates_x: Tensor, state: State, weights: Weights) -> State:
        """Run one step; as `RecurrentLayer.step`."""
        raise NotImplementedError(f"{type(self).__name__} defines no step")

    def _recurrent_shape(self) -> tuple[int, ...]:
        return (self._gates * self.hidden_size, self.hidden_size)

    def __prepare_scriptable__(self) -> NoReturn:
        refuse_script(self)

    def extra_repr(self) -> str:
        """Return nn.LSTMCell's arguments, then the cell's own that differ from their defaults."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if not self.bias:
            parts.append("bias=False")
        return ", ".join([*parts, *written_options(self)])

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Tensor]:
        """Run one step.

        Args:
            input: (B, I) or unbatched (I,).
            hx: A pair (h, c) of shapes (B, H) or unbatched (H,); zeros if not given.

        Returns:
            The new pair (h, c), shaped as hx.

        Raises:
            ValueError: The rank of the input or of a state is wrong.
            RuntimeError: The input's width or a state's shape is wrong.
        """
        if not isinstance(input, Tensor):
            node: Any = as_one_node(self, RecurrentCell.forward, input, hx)
            if node is not None:
                return node
        if input.dim() not in (1, 2):
            raise ValueError(f"expected 1-D or 2-D input, got {input.dim()}-D")
        if input.size(-1) != self.input_size:
            raise RuntimeError(
                f"expected input of {self.input_size} features (input_size), got {input.size(-1)}"
            )
        h, c = self._state(input, hx)
        weights = {n: w for n in _WEIGHTS if (w := getattr(self, n)) is not None}
        low = autocast_dtype(input.device)
        if low is None:
            return self._run(input, h, c, weights)
        weights = {name: cast_down(w, low) for name, w in weights.items()}
        with torch.autocast(input.device.type, enabled=False):
            return self._run(cast_down(input, low), cast_down(h, low), cast_down(c, low), weights)

    def _run(self, input: Tensor, h: Tensor, c: Tensor, weights: Weights) -> tuple[Tensor, Tensor]:
        bias = weights["bias_ih"] + weights["bias_hh"] if self.bias else None
        gates_x = F.linear(input, weights["weight_ih"], bias)
        if self._states == 2:
            new_h, new_c = type(self).step(self, gates_x, (h, c), weights)
            return new_h, new_c.clone() if new_c is new_h else new_c
        (new_h,) = type(self).step(self, gates_x, (h,), weights)
        new_c = keep_in_graph(new_h.clone(), c)
        # A step may keep its result for backward, as relu does; h may be written into. A trace is
        # made with gradients and checked without: it must be the same.
        kept = new_h.requires_grad and not is_traced()
        return new_h.clone() if kept else new_h, new_c

    def _state(self, input: Tensor, hx: Any) -> tuple[Tensor, Tensor]:
        shape = (*input.shape[:-1], self.hidden_size)
        if hx is None:
            return input.new_zeros(shape), input.new_zeros(shape)
        if isinstance(hx, Tensor) or len(hx) != 2:
            raise TypeError(f"hx must be a pair (h, c) of tensors, got {type(hx).__name__}")
        for name, state in zip(("h", "c"), hx, strict=True):
            if state.dim() not in (1, 2):
                raise ValueError(f"expected 1-D or 2-D {name}, got {state.dim()}-D")
            check_state_like(name, state, shape, input)
        return hx[0], hx[1]


_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
