"""JANET, the LSTM with nothing but a forget gate."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.cells._layer import RecurrentLayer, Weights
from rnnswap.errors import OptionError
from rnnswap.ops.janet import janet_scan


class JANET(RecurrentLayer):
    r"""Forget gate only, half of an LSTM's parameters; stands where nn.LSTM stands.

        s_t = W_f x_t + U_f h_{t-1} + b_f
        g_t = tanh(W_c x_t + U_c h_{t-1} + b_c)
        c_t = sigmoid(s_t) * c_{t-1} + (1 - sigmoid(s_t - beta)) * g_t,    h_t = c_t

    State: h_t = c_t, so c_n equals h_n. Of a given (h_0, c_0) the gates of the first step read h_0
    and the carry reads c_0; both get gradients, and carrying the returned state over is exact. With
    `proj_size` c is carried and h is its projection.

    The rows of the weights are [c, f]: what fills an LSTM's forget gate at `bias[H:2 * H]` fills
    JANET's too. `bias_ih` starts with forget rows at 1, or at log U(1, t_max - 1) when `t_max` is
    given, and candidate rows at 0; `bias_hh` at 0; weights as nn.LSTM's. beta is a constant, not a
    parameter. The two factors do not sum to one.

    Source: van der Westhuizen and Lasenby, The unreasonable effectiveness of the forget gate,
    arXiv:1804.04849. Chrono initialisation: Tallec and Ollivier, arXiv:1804.11188.

    Args:
        input_size: and all further arguments of `RecurrentLayer`, which are nn.LSTM's.
        beta: Shift of the input gate.
        t_max: Longest sequence the layer will see, > 2, for chrono initialisation; or None.

    Raises:
        OptionError: `t_max` is not greater than 2.

    Example:
        >>> output, (h_n, c_n) = JANET(10, 20, 2)(torch.randn(5, 3, 10))
    """

    gates = 2
    states = 2

    def __init__(
        self, *args: Any, beta: float = 1.0, t_max: int | None = None, **kwargs: Any
    ) -> None:
        if t_max is not None and t_max <= 2:
            raise OptionError(f"t_max must be greater than 2, got {t_max}")
        # Before the base's constructor, which calls reset_parameters.
        self.beta = float(beta)
        self.t_max = t_max
        super().__init__(*args, **kwargs)

    def reset_parameters(self) -> None:
        """Draw the weights as nn.LSTM does and set the biases as the class says."""
        super().reset_parameters()
        if not self.bias:
            return
        with torch.no_grad():
            for _, suffix in self._places():
                nn.init.zeros_(getattr(self, f"bias_hh{suffix}"))
                candidate, forget = getattr(self, f"bias_ih{suffix}").chunk(2)
                nn.init.zeros_(candidate)
                if self.t_max is None:
                    nn.init.ones_(forget)
                else:
                    forget.uniform_(1, self.t_max - 1).log_()

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
        result: tuple[Tensor, Tensor, Tensor] = janet_scan(
            x,
            h0,
            c0,
            weights["weight_ih"],
            weights["weight_hh"],
            weights.get("bias_ih"),
            weights.get("bias_hh"),
            weights.get("weight_hr"),
            lengths,
            self.beta,
            reverse,
        )
        return result


JANET.__module__ = "rnnswap"
