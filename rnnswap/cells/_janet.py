"""JANET, the LSTM with nothing but a forget gate."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnswap.cells._arguments import as_plain, is_finite
from rnnswap.cells._cell import RecurrentCell
from rnnswap.cells._layer import RecurrentLayer, State, Weights
from rnnswap.cells._transfer import TransferReport, cell_from_lstm, layer_from_lstm
from rnnswap.constructors import with_arguments_of
from rnnswap.errors import OptionError
from rnnswap.ops._memory import write
from rnnswap.ops.janet import janet_scan, janet_step
from rnnswap.yielding import Yielding

#: What of nn.LSTM's rows has a place here, in the order of the rows here: candidate, forget.
_FROM_LSTM = ("g", "f")


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
        layer_norm: As `RecurrentLayer`'s, on the recurrent product too.

    Raises:
        OptionError: `t_max` is not greater than 2, or `beta` is not finite.

    Example:
        >>> output, (h_n, c_n) = JANET(10, 20, 2)(torch.randn(5, 3, 10))
    """

    gates = Yielding("_gates", 2)
    states = Yielding("_states", 2)
    normalises_recurrent = True
    #: Of a layer that `from_lstm` made.
    transfer_report = Yielding("_transfer_report")
    _transfer_report: TransferReport | None = None
    beta = Yielding("_beta")
    t_max = Yielding("_t_max")

    @with_arguments_of(RecurrentLayer)
    def __init__(
        self, *args: Any, beta: float = 1.0, t_max: int | None = None, **kwargs: Any
    ) -> None:
        _check_options(beta, t_max)
        # Before the base's constructor, which calls reset_parameters.
        self._beta = float(beta)
        self._t_max = as_plain(t_max)
        RecurrentLayer.__init__(self, *args, **kwargs)

    def reset_parameters(self) -> None:
        """Draw the weights as nn.LSTM does and set the biases as the class says."""
        RecurrentLayer.reset_parameters(self)
        for _, suffix in self._places() if self.bias else ():
            _set_biases(
                getattr(self, f"bias_ih{suffix}"), getattr(self, f"bias_hh{suffix}"), self._t_max
            )

    def step(self, gates_x: Tensor, state: State, weights: Weights) -> State:
        """Run one step; see `RecurrentLayer.step`."""
        h, c = state
        recurrent = F.linear(h, weights["weight_hh"])
        if self._layer_norm:
            recurrent = type(self).normalise_gates(self, recurrent, weights["gain_hh"])
        new_c = janet_step(gates_x + recurrent, c, self._beta)
        return new_c, new_c

    @classmethod
    def from_lstm(cls, lstm: nn.LSTM, **options: Any) -> JANET:
        """Return a JANET with the forget and cell rows of an nn.LSTM's weights.

        The input and output gates have no place in JANET, so it computes something else: the
        weights are a start for further training, not an equal.

        Args:
            lstm: Whose arguments, device, dtype and train flag are taken over, too.
            **options: Keyword-only extras of JANET.

        Returns:
            The layer; its `transfer_report` says what was copied, dropped and left fresh.

        Raises:
            UnsupportedError: `lstm` is not an nn.LSTM.
        """
        layer: JANET = layer_from_lstm(cls, lstm, _FROM_LSTM, options)
        return layer

    def _takes_packed(self) -> bool:
        return not (self._layer_norm or self._zoneout or self._input_dropout)

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
        if self._layer_norm or self._zoneout:  # both act within a step
            return RecurrentLayer.run_direction(self, x, h0, c0, weights, lengths, reverse)
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
            self._beta,
            reverse,
        )
        return result


class JANETCell(RecurrentCell):
    """One step of JANET; stands where nn.LSTMCell stands.

    State: (h, c) in and out, as `JANET` treats it: the gates read h, the carry reads c, and both
    results are the new c.

    Source: arXiv:1804.04849, as `JANET`.

    Args:
        input_size: I, > 0, and all further arguments of nn.LSTMCell.
        beta: Shift of the input gate.
        t_max: Longest sequence, > 2, for chrono initialisation; or None.

    Raises:
        OptionError: `t_max` is not greater than 2, or `beta` is not finite.

    Example:
        >>> h, c = JANETCell(10, 20)(torch.randn(3, 10))
    """

    gates = Yielding("_gates", 2)
    states = Yielding("_states", 2)
    #: Of a cell that `from_lstm` made.
    transfer_report = Yielding("_transfer_report")
    _transfer_report: TransferReport | None = None
    beta = Yielding("_beta")
    t_max = Yielding("_t_max")

    @with_arguments_of(RecurrentCell)
    def __init__(
        self, *args: Any, beta: float = 1.0, t_max: int | None = None, **kwargs: Any
    ) -> None:
        _check_options(beta, t_max)
        # Before the base's constructor, which calls reset_parameters.
        self._beta = float(beta)
        self._t_max = as_plain(t_max)
        RecurrentCell.__init__(self, *args, **kwargs)

    def reset_parameters(self) -> None:
        """Draw the weights as nn.LSTMCell does and set the biases as `JANET` says."""
        RecurrentCell.reset_parameters(self)
        if self.bias:
            _set_biases(self.bias_ih, self.bias_hh, self._t_max)

    def step(self, gates_x: Tensor, state: State, weights: Weights) -> State:
        """Run one step; see `RecurrentLayer.step`."""
        h, c = state
        new_c = janet_step(gates_x + F.linear(h, weights["weight_hh"]), c, self._beta)
        return new_c, new_c

    @classmethod
    def from_lstm(cls, cell: nn.LSTMCell, **options: Any) -> JANETCell:
        """Return a JANETCell with the forget and cell rows of an nn.LSTMCell's weights.

        See `JANET.from_lstm`; the result has a `transfer_report` likewise.

        Raises:
            UnsupportedError: `cell` is not an nn.LSTMCell.
        """
        made: JANETCell = cell_from_lstm(cls, cell, _FROM_LSTM, options)
        return made


def _check_options(beta: Any, t_max: Any) -> None:
    if not is_finite(beta):
        raise OptionError(f"beta must be a finite number, got {beta!r}")
    if t_max is not None and not (is_finite(t_max) and t_max > 2):
        raise OptionError(f"t_max must be a number greater than 2, got {t_max!r}")


def _set_biases(bias_ih: Tensor, bias_hh: Tensor, t_max: int | None) -> None:
    """Candidate rows 0, forget rows 1 or chrono's log U(1, t_max - 1); the second bias is 0."""
    nn.init.zeros_(bias_hh)
    biases = torch.zeros(bias_ih.shape, device=bias_ih.device, dtype=bias_ih.dtype)
    _, forget = biases.chunk(2)
    if t_max is None:
        forget.fill_(1)
    else:
        forget.uniform_(1, t_max - 1).log_()
    write(bias_ih, biases)


JANET.__module__ = JANETCell.__module__ = "rnnswap"
