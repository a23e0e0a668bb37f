"""IndRNN, whose units see only their own past, and IndRNNv2, the same stacked deep."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.cells._layer import RecurrentLayer, Weights
from rnnswap.errors import OptionError
from rnnswap.ops._scan import active_steps
from rnnswap.ops.indrnn import indrnn_scan

_NONLINEARITIES = ("relu", "tanh")


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

    Raises:
        OptionError: An option is out of range.

    Example:
        >>> rnn = IndRNN(10, 20, 2, recurrent_max=2 ** (1 / 784))
        >>> output, (h_n, c_n) = rnn(torch.randn(5, 3, 10))
    """

    gates = 1
    states = 1

    def __init__(
        self,
        *args: Any,
        nonlinearity: str = "relu",
        recurrent_max: float | None = None,
        recurrent_min: float | None = None,
        **kwargs: Any,
    ) -> None:
        _check_options(nonlinearity, recurrent_max, recurrent_min)
        # Before the base's constructor, which calls reset_parameters.
        self.nonlinearity = nonlinearity
        self.recurrent_max = recurrent_max
        self.recurrent_min = recurrent_min
        super().__init__(*args, **kwargs)

    def reset_parameters(self) -> None:
        """Draw input weights as nn.LSTM does, u from U(0, 1) within the bounds, biases 0."""
        super().reset_parameters()
        low = self.recurrent_min or 0.0
        high = max(low, 1.0 if self.recurrent_max is None else min(1.0, self.recurrent_max))
        for _, suffix in self._places():
            nn.init.uniform_(getattr(self, f"weight_hh{suffix}"), low, high)
            for name in ("bias_ih", "bias_hh") if self.bias else ():
                nn.init.zeros_(getattr(self, name + suffix))

    def run_direction(
        self,
        x: Tensor,
        h0: Tensor,
        c0: Tensor,
        weights: Weights,
        lengths: Tensor | None,
        reverse: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run one direction of one layer; see `RecurrentLayer.run_direction`."""
        (first,), unused = self._carried(h0, c0)
        output, last = indrnn_scan(
            x,
            first,
            weights["weight_ih"],
            self._bounded(weights["weight_hh"].squeeze(1)),
            weights.get("bias_ih"),
            weights.get("bias_hh"),
            lengths,
            self.nonlinearity,
            reverse,
        )
        return self._single_state_results(output, last, unused, weights.get("weight_hr"))

    def _bounded(self, u: Tensor) -> Tensor:
        """Return u with |u| within the bounds, the gradient passing as if there were none."""
        if self.recurrent_max is None and self.recurrent_min is None:
            return u
        with torch.no_grad():
            size = u.abs().clamp(self.recurrent_min, self.recurrent_max)
            shift = torch.where(u < 0, -size, size) - u
        return u + shift

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

    def __init__(
        self, *args: Any, batch_norm: bool = False, residual: bool = False, **kwargs: Any
    ) -> None:
        self.batch_norm = batch_norm
        self.residual = residual
        super().__init__(*args, **kwargs)
        if batch_norm:
            beside = self._flat_weights[0]
            like: dict[str, Any] = {"device": beside.device, "dtype": beside.dtype}
            width = self.output_size * self.num_directions
            for layer in range(self.num_layers):
                self.add_module(f"batch_norm_l{layer}", nn.BatchNorm1d(width, **like))

    def _after_layer(self, layer: int, x: Tensor, output: Tensor, lengths: Tensor | None) -> Tensor:
        if self.batch_norm:
            norm = getattr(self, f"batch_norm_l{layer}")
            output = _over_active_steps(norm, output, lengths)
        if self.residual and x.shape == output.shape:
            output = output + x
        return output


def _over_active_steps(norm: nn.Module, output: Tensor, lengths: Tensor | None) -> Tensor:
    """Apply `norm` to the (N, features) steps of output (T, B, features) that are not padding."""
    active = active_steps(lengths, output.size(0), output.device)
    if active is None:
        normed: Tensor = norm(output.flatten(0, 1)).view_as(output)
        return normed
    kept = active.squeeze(-1)
    result = torch.zeros_like(output)
    result[kept] = norm(output[kept]).to(output.dtype)
    return result


def _check_options(
    nonlinearity: str, recurrent_max: float | None, recurrent_min: float | None
) -> None:
    if nonlinearity not in _NONLINEARITIES:
        raise OptionError(f"nonlinearity must be relu or tanh, got {nonlinearity!r}")
    if recurrent_max is not None and not recurrent_max > 0:
        raise OptionError(f"recurrent_max must be greater than 0, got {recurrent_max}")
    if recurrent_min is not None and not recurrent_min >= 0:
        raise OptionError(f"recurrent_min must be at least 0, got {recurrent_min}")
    if None not in (recurrent_min, recurrent_max) and recurrent_min > recurrent_max:  # type: ignore[operator]
        raise OptionError(
            f"recurrent_min {recurrent_min} is greater than recurrent_max {recurrent_max}"
        )


IndRNN.__module__ = "rnnswap"
IndRNNv2.__module__ = "rnnswap"
