"""The contract of nn.LSTM, kept once for every cell: layers, directions, packing, state, names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnnswap._tracing import as_one_node
from rnnswap.cells._arguments import (
    autocast_dtype,
    cast_down,
    check_input,
    check_order,
    check_state,
    check_state_like,
    checked_sizes,
    lengths_of,
)
from rnnswap.cells._module import RecurrentModule, declare_traced_length
from rnnswap.cells._within_step import features_dropped, projected, zoned_out
from rnnswap.ops._dispatch import is_graph_made
from rnnswap.ops._dynamo import takes_numbers_as_they_are
from rnnswap.ops._scan import Step, given_or_zeros, keep_in_graph, pack_rows, pad_rows, run_any

Weights = Mapping[str, Tensor]
State = tuple[Tensor, ...]


class RecurrentLayer(RecurrentModule):
    """Base of every recurrent layer that stands where nn.LSTM stands.

    A subclass says how many gates it has, how many states it carries and what one step does; it
    gets layers, directions, dropout, projections, packed and unbatched input, state checks and
    nn.LSTM's parameter names.

    State. With `states = 1` a step reads h_0 (with `proj_size` c_0, which then is what is carried);
    the other of the two is checked for shape and gets a zero gradient, and c_n equals h_n. With
    `states = 2` the state is (h, c); with `proj_size` h is the projection that the next step reads.

    Args:
        input_size: I, features of one step, > 0.
        hidden_size: H, units, > 0.
        num_layers: L, > 0.
        bias: Without it there are no bias vectors.
        batch_first: Batched input and output are (B, T, ...) instead of (T, B, ...).
        dropout: Probability in [0, 1], on the output of each layer but the last.
        bidirectional: D is 2 instead of 1.
        proj_size: P, 0 or in [1, H): the output and h have P features.
        device: Of the parameters.
        dtype: Of the parameters.
        layer_norm: Normalise the input's product of each gate over its H values, with a gain
            (Ba, Kiros and Hinton, arXiv:1607.06450): steadier training of deep or wide layers. The
            biases are its shift.
        zoneout: Probability in [0, 1) with which a unit keeps its state at a step (Krueger et al.,
            arXiv:1606.01305): regularises the recurrence; in eval mode the expected share is kept.
        input_dropout: Probability in [0, 1) with which an input feature of a layer is dropped at
            all steps of a sequence alike (Gal and Ghahramani, arXiv:1512.05287).

    Raises:
        UnsupportedError: An argument is asked for that the class declares `unsupported`.
        OptionError: A probability is out of range.

    Example:
        >>> class Leaky(RecurrentLayer):
        ...     gates = 1
        ...     def step(self, gates_x, state, weights):
        ...         (h,) = state
        ...         return (0.9 * h + 0.1 * torch.tanh(gates_x + h @ weights["weight_hh"].t()),)
        >>> output, (h_n, c_n) = Leaky(4, 8)(torch.randn(5, 3, 4))
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        same = ("run_steps", "run_direction")  # a loop in Python, which a trace writes out
        if all(getattr(cls, name) is getattr(RecurrentLayer, name) for name in same):
            declare_traced_length(cls, written_out=True)
        elif {*same} & {*vars(cls)}:
            declare_traced_length(cls, written_out=False)

    def step(self, gates_x: Tensor, state: State, weights: Weights) -> State:
        """Run one step of one layer in one direction.

        Args:
            gates_x: (B, gates * H), one step of the input's projection; the biases are in it,
                bias_hh too unless the class sets `recurrent_bias_apart`.
            state: `states` tensors; state[0] is what the step reads as h: (B, H), with two states
                and `proj_size` (B, P); state[1] is (B, H).
            weights: The parameters by name without suffix: weight_hh, bias_hh and, where the layer
                has them, the others.

        Returns:
            The new state, each (B, H); the first is the output. The layer projects it. A cell whose
            output is no part of its state returns the output before the state.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no step")

    def forward(
        self, input: Tensor | PackedSequence, hx: Any = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Run all layers over all steps.

        Args:
            input: (T, B, I), with `batch_first` (B, T, I), unbatched (T, I), or a PackedSequence.
            hx: A pair (h_0, c_0) of shapes (L * D, B, H) each, h_0 (L * D, B, P) with a
                projection, without B for unbatched input; zeros if not given.

        Returns:
            The output, shaped as the input with D * H (or D * P) features, and the pair
            (h_n, c_n), shaped as hx.

        Raises:
            ValueError: The input's rank or dtype is wrong.
            RuntimeError: The input's width or a state's shape is wrong, or there is no step.
            TypeError: hx is not a pair of tensors.
        """
        if not isinstance(input, Tensor):
            if isinstance(input, PackedSequence):
                return self._forward_packed(input, hx)
            if (node := as_one_node(self, RecurrentLayer.forward, input, hx)) is not None:
                return node
        check_input(input, (2, 3), self.input_size, self._weight_dtype())
        if input.dim() == 2:
            state = None if hx is None else tuple(s.unsqueeze(1) for s in check_state(hx, 2))
            output, (h_n, c_n) = self._run_layers(input.unsqueeze(1), state, None)
            return output.squeeze(1), (h_n.squeeze(1), c_n.squeeze(1))
        state = None if hx is None else check_state(hx, 3)
        if not self.batch_first:
            return self._run_layers(input, state, None)
        output, final = self._run_layers(input.transpose(0, 1), state, None)
        return output.transpose(0, 1), final

    def _forward_packed(
        self, input: PackedSequence, hx: Any
    ) -> tuple[PackedSequence, tuple[Tensor, Tensor]]:
        data, batch_sizes, order, back = input
        check_input(data, (2,), self.input_size, self._weight_dtype())
        # Sorted by length here, whatever the order outside was.
        if order is not None and isinstance(hx, Tensor):
            hx = tuple(hx)  # one stacked tensor, which nn.LSTM takes apart to put it in that order
        state = None if hx is None else check_state(hx, 3)
        sizes = None if is_graph_made() else checked_sizes(data, batch_sizes)
        if sizes and order is not None and back is not None:
            check_order(order, back, sizes[0], state)
        if state is not None and order is not None:
            state = (state[0].index_select(1, order), state[1].index_select(1, order))
        if sizes is None:  # a graph, which numbers cannot steer
            x, lengths = pad_packed_sequence(PackedSequence(data, batch_sizes))
            # ONNX's older exporter makes lengths int32, and takes away packing in pairs: cast, and
            # the sizes are the new one's.
            padded, (h_n, c_n) = self._run_layers(x, state, lengths.int().long())
            output, batch_sizes, *_ = pack_padded_sequence(padded, lengths)
        else:
            output, (h_n, c_n) = self._run_packed(data, batch_sizes, sizes, state)
        if back is not None:
            h_n, c_n = h_n.index_select(1, back), c_n.index_select(1, back)
        return PackedSequence(output, batch_sizes, order, back), (h_n, c_n)

    def _run_packed(
        self, data: Tensor, batch_sizes: Tensor, sizes: list[int], state: State | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        if sizes[0] == sizes[-1]:  # all of one length: no more than a way of writing it
            x = data.view(len(sizes), sizes[0], data.size(1))
            output, final = self._run_layers(x, state, None)
            return output.flatten(0, 1), final
        lengths = lengths_of(batch_sizes)
        if self._takes_packed():
            return self._run_layers(data, state, lengths)
        output, final = self._run_layers(pad_rows(data, lengths), state, lengths)
        return pack_rows(output, lengths), final

    def _takes_packed(self) -> bool:
        """Whether all that happens to x goes for packed input (N, features) as well."""
        return False

    def _run_layers(
        self, x: Tensor, hx: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run on x (T, B, I), or packed (N, I), all in low precision under autocast, as nn.LSTM."""
        if x.size(0) == 0:
            raise RuntimeError(f"expected at least one step, got input of shape {tuple(x.shape)}")
        if hx is not None:
            self._check_state(x, hx, x.size(1) if lengths is None else len(lengths))
        h0, c0 = (None, None) if hx is None else hx
        low = autocast_dtype(x.device)
        if low is None:
            return self._stack(x, h0, c0, lengths, None)
        with torch.autocast(x.device.type, enabled=False):
            x = cast_down(x, low)
            h0, c0 = (None if s is None else cast_down(s, low) for s in (h0, c0))
            return self._stack(x, h0, c0, lengths, low)

    def _stack(
        self,
        x: Tensor,
        h0: Tensor | None,
        c0: Tensor | None,
        lengths: Tensor | None,
        low: torch.dtype | None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h_n, c_n = [], []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self._directions):
                index = layer * self._directions + direction
                weights = self._weights(index)
                if low is not None:
                    weights = {name: cast_down(weight, low) for name, weight in weights.items()}
                h, c = (None if s is None else s[index] for s in (h0, c0))
                kept = features_dropped(x, self._input_dropout, self.training)
                output, h, c = type(self).run_direction(
                    self, kept, h, c, weights, lengths, direction == 1
                )
                outputs.append(output)
                h_n.append(h)
                c_n.append(c)
            output = outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
            x = self._after_layer(layer, x, output, lengths)
            if self.dropout and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
        return self._writable(x), (torch.stack(h_n), torch.stack(c_n))

    @takes_numbers_as_they_are
    def run_direction(
        self,
        x: Tensor,
        h0: Tensor | None,
        c0: Tensor | None,
        weights: Weights,
        lengths: Tensor | None,
        reverse: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run one direction of one layer, here as a loop over `step`; a cell may do better.

        Args:
            x: (T, B, features); packed (N, features) if the class says that it takes that.
            h0: (B, H), with a projection (B, P), or None: zeros.
            c0: (B, H) or None: zeros.
            weights: The parameters by name without suffix.
            lengths: (B,) int64, descending, or None: all rows are T long.
            reverse: From the last step to the first.

        Returns:
            output (T, B, H or P), zero past a row's length, or packed (N, H or P); h_n as h0; c_n
            as c0.
        """
        gates_x = type(self).project_input(self, x, weights)
        w_hr = weights.get("weight_hr")
        h0, c0 = (
            given_or_zeros(s, x, n) for s, n in ((h0, self._output_size), (c0, self.hidden_size))
        )
        first, unused = self._carried(h0, c0)
        project = None if self._states == 1 else w_hr
        if self._zoneout or project is not None:
            step = self._bound_step(weights)
            if self._zoneout:
                both = not self.proj_size
                step, gates_x = zoned_out(step, gates_x, c0, self._zoneout, self.training, both)
            if project is not None:
                step = projected(step, project)
            output, last = run_any(step, gates_x, first, lengths, reverse)
        else:
            output, last = type(self).run_steps(self, gates_x, first, weights, lengths, reverse)
        if self._states == 2:
            return output, last[0], last[1]
        return self._single_state_results(output, last[0], unused, w_hr)

    def run_steps(
        self,
        gates_x: Tensor,
        state: State,
        weights: Weights,
        lengths: Tensor | None,
        reverse: bool,
    ) -> tuple[Tensor, State]:
        """Run `step` over all steps of one direction of one layer; a cell may do better.

        Not called where something acts within a step: zoneout, or the projection of two states.

        Args:
            gates_x: (T, B, gates * H), what `project_input` returns.
            state: What `step` takes.
            weights: The parameters by name without suffix.
            lengths: (B,) int64, descending, or None: all rows are T long. A row past its length
                keeps its state and gives zeros.
            reverse: From the last step to the first.

        Returns:
            The outputs (T, B, H) and the final state.
        """
        return run_any(self._bound_step(weights), gates_x, state, lengths, reverse)

    def _bound_step(self, weights: Weights) -> Step:
        run = type(self).step  # of the class: on the layer the name is the user's
        return lambda now, state: run(self, now, state, weights)

    def project_input(self, x: Tensor, weights: Weights) -> Tensor:
        """Return the input's part of the gates (T, B, gates * H) with biases, normalised if asked.

        With `layer_norm` each gate's H values are normalised before the gain and the bias.
        """
        w_ih, bias = weights["weight_ih"], weights.get("bias_ih")
        if bias is not None and not type(self).recurrent_bias_apart:
            bias = bias + weights["bias_hh"]
        if not self._layer_norm:
            return F.linear(x, w_ih, bias)
        normed = type(self).normalise_gates(self, F.linear(x, w_ih), weights["gain_ih"])
        return normed if bias is None else normed + bias

    def normalise_gates(self, gates: Tensor, gain: Tensor) -> Tensor:
        """Return gates (..., gates * H) with each gate normalised over its H values, times gain."""
        apart = gates.view(*gates.shape[:-1], self._gates, self.hidden_size)
        return F.layer_norm(apart, (self.hidden_size,)).flatten(-2) * gain

    def _carried(self, h0: Any, c0: Any) -> tuple[Any, Tensor | None]:
        """Return the state the recurrence begins with, and what of (h_0, c_0) it does not read."""
        if self._states == 2:
            return (h0, c0), None
        return ((c0,), h0) if self.proj_size else ((h0,), c0)

    def _single_state_results(
        self, output: Tensor, carry: Tensor, unused: Tensor | None, w_hr: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return output, h_n and c_n of a recurrence with one state, projected if asked."""
        if unused is not None:
            output, carry = keep_in_graph(output, unused), keep_in_graph(carry, unused)
        if w_hr is None:
            return output, carry, carry
        return F.linear(output, w_hr), F.linear(carry, w_hr), carry

    def _after_layer(self, layer: int, x: Tensor, output: Tensor, lengths: Tensor | None) -> Tensor:
        """Return what goes to the next layer, of this layer's input and output."""
        return output

    def _check_state(self, x: Tensor, hx: State, batch: int) -> None:
        rows = self.num_layers * self._directions
        h_shape = (rows, batch, self._output_size)
        c_shape = (rows, batch, self.hidden_size)
        check_state_like("h_0", hx[0], h_shape, x)
        check_state_like("c_0", hx[1], c_shape, x)


RecurrentLayer.__module__ = "rnnswap"
