"""IndRNN, whose units see only their own past, and IndRNNv2, the same stacked deep."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.cells._arguments import as_plain, check_flag
from rnnswap.cells._bounds import (
    Range,
    as_clip_range,
    as_range,
    bounded,
    check_bounds,
    clip_gradient,
    initial_range,
)
from rnnswap.cells._cell import RecurrentCell
from rnnswap.cells._layer import RecurrentLayer, State, Weights
from rnnswap.constructors import with_arguments_of
from rnnswap.ops._scan import active_steps
from rnnswap.ops.indrnn import indrnn_scan
from rnnswap.yielding import Yielding


class IndRNN(RecurrentLayer):
    """Element-wise recurrence for very long sequences; stands where nn.LSTM stands.

        h_t = act(W x_t + u * h_{t-1} + b)

    State: one vector a unit, so c_n equals h_n. Of a given (h_0, c_0) h_0 is read; c_0 is checked
    for shape and gets a zero gradient. With `proj_size` c_n is what is carried and c_0 is what is
    read, h is its projection, and h_0 gets the zero gradient.

    u is stored as weight_hh of shape (H, 1), two-dimensional because code that initialises every
    name with "weight" by orthogonal_ or xavier_ raises on a vector. It starts as U(0, 1), within
    the bounds if they are given; biases start at 0, input weights as nn.LSTM's.

    Source: Li, Li, Cook, Zhu and Gao, Independently recurrent neural network (IndRNN): building a
    longer and deeper RNN, arXiv:1803.04831.

    Args:
        input_size: and all further arguments of `RecurrentLayer`, which are nn.LSTM's.
        nonlinearity: "relu" or "tanh".
        recurrent_max: Upper bound of |u|, > 0, or None. The paper's is gamma ** (1 / T) for relu:
            2 ** (1 / T) keeps gradients over T steps below 2. The bound acts on the value used; the
            parameter keeps its own value and its gradient.
        recurrent_min: Lower bound of |u|, >= 0, or None, for units that must remember.
        recurrent_init: Range (low, high) from which u starts, 0 <= low <= high; (0, 1) if not
            given. Also as text: "0,1".
        last_layer_init: The same for the last layer alone: a task that reads only the last step
            wants units that remember, (eps ** (1 / T), recurrent_max) in the paper.
        gradient_clip: Clamp the gradients of the recurrence's parameters to [-x, x], or to
            (low, high), in each call of the layer; `.grad` sums several calls. Survives deepcopy
            and saving, which a hook does not.

    Raises:
        OptionError: An option is out of range.

    Example:
        >>> rnn = IndRNN(10, 20, 2, recurrent_max=2 ** (1 / 784))
        >>> output, (h_n, c_n) = rnn(torch.randn(5, 3, 10))
    """

    gates = Yielding("_gates", 1)
    states = Yielding("_states", 1)
    nonlinearity = Yielding("_nonlinearity")
    recurrent_max = Yielding("_recurrent_max")
    recurrent_min = Yielding("_recurrent_min")
    recurrent_init = Yielding("_recurrent_init")
    last_layer_init = Yielding("_last_layer_init")
    gradient_clip = Yielding("_gradient_clip")

    @with_arguments_of(RecurrentLayer)
    def __init__(
        self,
        *args: Any,
        nonlinearity: str = "relu",
        recurrent_max: float | None = None,
        recurrent_min: float | None = None,
        recurrent_init: Range | None = None,
        last_layer_init: Range | None = None,
        gradient_clip: Range | float | None = None,
        **kwargs: Any,
    ) -> None:
        check_bounds(nonlinearity, recurrent_max, recurrent_min)
        # Before the base's constructor, which calls reset_parameters.
        self._nonlinearity = nonlinearity
        self._recurrent_max = as_plain(recurrent_max)
        self._recurrent_min = as_plain(recurrent_min)
        self._recurrent_init = as_range("recurrent_init", recurrent_init)
        self._last_layer_init = as_range("last_layer_init", last_layer_init)
        self._gradient_clip = as_clip_range(gradient_clip)
        RecurrentLayer.__init__(self, *args, **kwargs)

    def reset_parameters(self) -> None:
        """Draw input weights as nn.LSTM does, u as the class says, biases 0."""
        RecurrentLayer.reset_parameters(self)
        for layer, suffix in self._places():
            last = layer == self.num_layers - 1 and self._last_layer_init is not None
            drawn = self._last_layer_init if last else self._recurrent_init
            low, high = initial_range(drawn, self._recurrent_max, self._recurrent_min)
            nn.init.uniform_(getattr(self, f"weight_hh{suffix}"), low, high)
            for name in ("bias_ih", "bias_hh") if self.bias else ():
                nn.init.zeros_(getattr(self, name + suffix))

    def step(self, gates_x: Tensor, state: State, weights: Weights) -> State:
        """Run one step; see `RecurrentLayer.step`."""
        return (indrnn_step(self, gates_x, state[0], weights),)

    def _takes_packed(self) -> bool:
        return not (self._zoneout or self._input_dropout)

    def run_direction(
        self,
        x: Tensor,
        h0: Tensor | None,
        c0: Tensor | None,
        weights: Weights,
        lengths: Tensor | None,
        reverse: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run one direction of one layer; see `RecurrentLayer.run_direction`."""
        if self._zoneout:  # acts within a step
            return RecurrentLayer.run_direction(self, x, h0, c0, weights, lengths, reverse)
        (first,), unused = self._carried(h0, c0)
        projection: tuple[Tensor | None, ...]
        u = bounded(weights["weight_hh"], self._recurrent_max, self._recurrent_min)
        if self._layer_norm:
            x, projection = type(self).project_input(self, x, weights), (None, None, None)
        else:
            projection = (weights["weight_ih"], weights.get("bias_ih"), weights.get("bias_hh"))
        w_ih, b_ih, b_hh = projection
        constants = (lengths, self._nonlinearity, reverse)
        output, last = indrnn_scan(x, first, w_ih, u, b_ih, b_hh, *constants)
        return self._single_state_results(output, last, unused, weights.get("weight_hr"))

    def _weights(self, index: int) -> dict[str, Tensor]:
        weights = RecurrentLayer._weights(self, index)
        if self._gradient_clip is None:
            return weights
        return {n: clip_gradient(w, *self._gradient_clip) for n, w in weights.items()}

    def _recurrent_shape(self) -> tuple[int, ...]:
        return (self.hidden_size, 1)


class IndRNNv2(IndRNN):
    """IndRNN stacked deep: batch norm and residual connections between the layers as options.

    State: as IndRNN's, layer by layer, before batch norm and residual. With equal weights and no
    options its outputs equal IndRNN's.

    Source: Li, Li, Gao and Cook, Deep independently recurrent neural network (IndRNN),
    arXiv:1910.06251.

    Args:
        input_size: and all further arguments of `IndRNN`.
        batch_norm: Normalise each layer's output over batch and time, after the activation; padded
            steps of packed input do not count.
        residual: Add a layer's input to its output where both have the same width.

    Example:
        >>> deep = IndRNNv2(10, 20, 6, batch_norm=True, residual=True)
        >>> output, (h_n, c_n) = deep(torch.randn(5, 3, 10))
    """

    batch_norm = Yielding("_batch_norm")
    residual = Yielding("_residual")

    @with_arguments_of(IndRNN)
    def __init__(
        self, *args: Any, batch_norm: bool = False, residual: bool = False, **kwargs: Any
    ) -> None:
        check_flag("batch_norm", batch_norm)
        check_flag("residual", residual)
        self._batch_norm = batch_norm
        self._residual = residual
        IndRNN.__init__(self, *args, **kwargs)
        if batch_norm:
            beside = self._flat_weights[0]
            like: dict[str, Any] = {"device": beside.device, "dtype": beside.dtype}
            width = self._output_size * self._directions
            for layer in range(self.num_layers):
                self.add_module(f"batch_norm_l{layer}", nn.BatchNorm1d(width, **like))

    def reset_parameters(self) -> None:
        """Draw parameters as `IndRNN` does; batch norms start as torch's, statistics too."""
        IndRNN.reset_parameters(self)
        for norm in self.children():  # none yet while the base's constructor runs
            if isinstance(norm, nn.BatchNorm1d):
                norm.reset_parameters()

    def _after_layer(self, layer: int, x: Tensor, output: Tensor, lengths: Tensor | None) -> Tensor:
        if self._batch_norm:
            norm = getattr(self, f"batch_norm_l{layer}")
            output = _over_active_steps(norm, output, lengths)
        if self._residual and x.shape == output.shape:
            output = output + x
        return output


def _over_active_steps(norm: nn.Module, output: Tensor, lengths: Tensor | None) -> Tensor:
    """Apply `norm` to the (N, features) steps of output (T, B, features) that are not padding."""
    if output.dim() == 2:  # packed: there are no other
        packed: Tensor = norm(output)
        return packed
    active = active_steps(lengths, output.size(0), output.device)
    if active is None:
        normed: Tensor = norm(output.flatten(0, 1)).view_as(output)
        return normed
    kept = active.squeeze(-1)
    result = torch.zeros_like(output)
    result[kept] = norm(output[kept]).to(output.dtype)
    return result


class IndRNNCell(RecurrentCell):
    """One step of IndRNN; stands where nn.LSTMCell stands.

    State: (h, c) in and out, as `IndRNN` treats it: h is read, c gets a zero gradient, and both
    results are the new h.

    Source: arXiv:1803.04831, as `IndRNN`.

    Args:
        input_size: I, > 0, and all further arguments of nn.LSTMCell.
        nonlinearity: and what follows: as `IndRNN`'s.

    Raises:
        OptionError: An option is out of range.

    Example:
        >>> h, c = IndRNNCell(10, 20)(torch.randn(3, 10))
    """

    gates = Yielding("_gates", 1)
    states = Yielding("_states", 1)
    nonlinearity = Yielding("_nonlinearity")
    recurrent_max = Yielding("_recurrent_max")
    recurrent_min = Yielding("_recurrent_min")
    recurrent_init = Yielding("_recurrent_init")

    @with_arguments_of(RecurrentCell)
    def __init__(
        self,
        *args: Any,
        nonlinearity: str = "relu",
        recurrent_max: float | None = None,
        recurrent_min: float | None = None,
        recurrent_init: Range | None = None,
        **kwargs: Any,
    ) -> None:
        check_bounds(nonlinearity, recurrent_max, recurrent_min)
        # Before the base's constructor, which calls reset_parameters.
        self._nonlinearity = nonlinearity
        self._recurrent_max = as_plain(recurrent_max)
        self._recurrent_min = as_plain(recurrent_min)
        self._recurrent_init = as_range("recurrent_init", recurrent_init)
        RecurrentCell.__init__(self, *args, **kwargs)

    def reset_parameters(self) -> None:
        """Draw input weights as nn.LSTMCell does, u and biases as `IndRNN` says."""
        RecurrentCell.reset_parameters(self)
        low, high = initial_range(self._recurrent_init, self._recurrent_max, self._recurrent_min)
        nn.init.uniform_(self.weight_hh, low, high)
        for bias in (self.bias_ih, self.bias_hh) if self.bias else ():
            nn.init.zeros_(bias)

    def step(self, gates_x: Tensor, state: State, weights: Weights) -> State:
        """Run one step; see `RecurrentLayer.step`."""
        return (indrnn_step(self, gates_x, state[0], weights),)

    def _recurrent_shape(self) -> tuple[int, ...]:
        return (self.hidden_size, 1)


def indrnn_step(cell: IndRNN | IndRNNCell, gates_x: Tensor, h: Tensor, weights: Weights) -> Tensor:
    """Return act(gates_x + u * h) of one step, (B, H)."""
    u = bounded(weights["weight_hh"].squeeze(1), cell._recurrent_max, cell._recurrent_min)
    pre = gates_x + u * h
    return torch.relu(pre) if cell._nonlinearity == "relu" else torch.tanh(pre)


IndRNN.__module__ = IndRNNv2.__module__ = IndRNNCell.__module__ = "rnnswap"
