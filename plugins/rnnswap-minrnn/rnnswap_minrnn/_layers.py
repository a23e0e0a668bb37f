"""minGRU and minLSTM as layers with nn.LSTM's constructor."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnswap import OptionError, RecurrentLayer
from rnnswap_minrnn._recurrence import linear_recurrence

_CANDIDATES = ("linear", "positive")


class _Minimal(RecurrentLayer):
    """Base of both: gates that read the input only, so all steps' gates are known at once."""

    gates: ClassVar[int]
    states = 1
    # `linear_recurrence` takes blocks of steps in Python, which torch.jit.trace writes out.
    unsupported = frozenset({"traced-length"})

    def __init__(self, *args: Any, candidate: str = "linear", **kwargs: Any) -> None:
        if candidate not in _CANDIDATES:
            raise OptionError(f"candidate must be linear or positive, got {candidate!r}")
        self.candidate = candidate
        super().__init__(*args, **kwargs)

    def weight_shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Return nn.LSTM's shapes; weight_hh has the rows of the gates and no columns."""
        return super().weight_shapes(layer) | {
            "weight_hh": (type(self).gates * self.hidden_size, 0)
        }

    def reset_parameters(self) -> None:
        """Draw parameters as nn.LSTM does, but of the two biases only bias_ih."""
        super().reset_parameters()
        for name, parameter in self.named_parameters():
            if name.startswith("bias_hh"):
                nn.init.zeros_(parameter)

    def project_input(self, x: Tensor, weights: Any) -> Tensor:
        """Return the gates (T, B, gates * H) of all steps."""
        # The sum of nothing is an exact zero. It keeps weight_hh in the graph, where
        # DistributedDataParallel looks for every parameter.
        used = weights["weight_ih"] + weights["weight_hh"].sum()
        return super().project_input(x, {**weights, "weight_ih": used})

    def coefficients(self, gates: Tensor) -> tuple[Tensor, Tensor]:
        """Return keep and add (..., H) of h_t = keep * h_{t-1} + add, of gates (..., gates * H)."""
        raise NotImplementedError(f"{type(self).__name__} defines no coefficients")

    def step(self, gates_x: Tensor, state: Any, weights: Any) -> tuple[Tensor, ...]:
        """Run one step; see `RecurrentLayer.step`."""
        keep, add = self.coefficients(gates_x)
        return (torch.addcmul(add, keep, state[0]),)

    def run_steps(
        self, gates_x: Tensor, state: Any, weights: Any, lengths: Tensor | None, reverse: bool
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run all steps as a linear recurrence; see `RecurrentLayer.run_steps`."""
        # A graph must not grow with the number of steps; ONNX's older exporter is refused there.
        if torch.compiler.is_compiling() or torch.onnx.is_in_onnx_export():
            return super().run_steps(gates_x, state, weights, lengths, reverse)
        keep, add = self.coefficients(gates_x)
        active = None
        if lengths is not None:
            steps = torch.arange(len(keep), device=keep.device).unsqueeze(1)
            active = (steps < lengths.to(keep.device)).unsqueeze(-1)  # (T, B, 1)
            keep, add = torch.where(active, keep, 1.0), torch.where(active, add, 0.0)
        if reverse:
            keep, add = keep.flip(0), add.flip(0)
        output = linear_recurrence(keep, add, state[0])
        last = output[-1]
        if reverse:
            output = output.flip(0)
        return output if active is None else torch.where(active, output, 0.0), (last,)

    def _candidate(self, value: Tensor) -> Tensor:
        if self.candidate == "linear":
            return value
        return torch.where(value >= 0, value + 0.5, torch.sigmoid(value))


class MinGRU(_Minimal):
    r"""GRU whose gates do not read the state; stands where nn.LSTM stands.

        z_t = sigmoid(W_z x_t + b_z)
        g_t = W_h x_t + b_h                          (candidate="positive": g(W_h x_t + b_h))
        h_t = (1 - z_t) * h_{t-1} + z_t * g_t

    with g(v) = v + 0.5 for v >= 0, else sigmoid(v), as in the paper's log-space form.

    State: h_t is all that is carried, of any sign, exactly: c_n equals h_n. A step reads h_0; c_0
    is checked for shape and gets a zero gradient. With `proj_size` c is carried and h is its
    projection.

    The rows of the weights are [z, h]. weight_hh has no columns; bias_hh starts at 0.

    Source: Feng, Tung, Ahmed, Bengio and Hajimirsadeghi, Were RNNs all we needed?,
    arXiv:2410.01201.

    Args:
        input_size: and all further arguments of `rnnswap.RecurrentLayer`, which are nn.LSTM's.
        candidate: "linear" or "positive".

    Raises:
        OptionError: `candidate` is neither.

    Example:
        >>> output, (h_n, c_n) = MinGRU(10, 20, 2)(torch.randn(5, 3, 10))
    """

    gates = 2

    def coefficients(self, gates: Tensor) -> tuple[Tensor, Tensor]:
        """Return keep and add; see `MinGRU`."""
        update, value = gates.chunk(2, -1)
        return torch.sigmoid(-update), torch.sigmoid(update) * self._candidate(value)


class MinLSTM(_Minimal):
    r"""LSTM whose gates do not read the state; stands where nn.LSTM stands.

        f_t = sigmoid(W_f x_t + b_f)
        i_t = sigmoid(W_i x_t + b_i)
        g_t = W_h x_t + b_h                          (candidate="positive": g(W_h x_t + b_h))
        h_t = f_t / (f_t + i_t) * h_{t-1} + i_t / (f_t + i_t) * g_t

    State: as `MinGRU`'s. The rows of the weights are [f, i, h].

    Source: arXiv:2410.01201, as `MinGRU`.

    Args:
        input_size: and all further arguments of `rnnswap.RecurrentLayer`, which are nn.LSTM's.
        candidate: "linear" or "positive".

    Raises:
        OptionError: `candidate` is neither.

    Example:
        >>> output, (h_n, c_n) = MinLSTM(10, 20, 2)(torch.randn(5, 3, 10))
    """

    gates = 3

    def coefficients(self, gates: Tensor) -> tuple[Tensor, Tensor]:
        """Return keep and add; see `MinLSTM`."""
        forget, enter, value = gates.chunk(3, -1)
        # f / (f + i) = sigmoid(log f - log i): finite where both gates are next to zero.
        lead = F.softplus(-enter) - F.softplus(-forget)
        return torch.sigmoid(lead), torch.sigmoid(-lead) * self._candidate(value)


MinGRU.__module__ = MinLSTM.__module__ = "rnnswap_minrnn"
