"""What is timed is what the command says: modes, gradients, lengths, the same for every cell."""

import pytest
import torch
from torch import nn

from rnnswap.bench.contestant import make_call, make_inputs, make_layer
from rnnswap.bench.plan import REFERENCE, Plan, Shape

SHAPE = Shape(9, 40, 2, 3)


class Watched(nn.Module):
    """Notes how it is called, and what of its input needs a gradient."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.calls = []

    def forward(self, x):
        data = getattr(x, "data", x) if hasattr(x, "batch_sizes") else x
        state = (self.training, torch.is_inference_mode_enabled(), data.requires_grad)
        self.calls.append((*state, self.weight.grad is None))
        output = data * self.weight
        return (x._replace(data=output) if data is not x else output), None


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("mode", "state"),
    [
        ("forward", (False, True, False, True)),
        ("training", (True, False, False, True)),
        ("training-dx", (True, False, True, True)),
    ],
)
def test_each_mode_is_what_it_is_called(mode, state, packed):
    inputs = make_inputs(Plan(("janet",), packed=True), SHAPE)
    layer = Watched()
    call = make_call(layer, inputs.packed if packed else inputs.padded, mode)
    for _ in range(2):
        call()
    assert layer.calls == [state, state]  # no gradient is left from the step before
    if mode == "forward":
        assert layer.weight.grad is None
    else:
        data = inputs.packed.data if packed else inputs.padded
        torch.testing.assert_close(layer.weight.grad, data.sum())
    assert not inputs.padded.requires_grad


def test_inputs_are_alike_in_every_run_and_lengths_fill_the_upper_half():
    first, second = (make_inputs(Plan(("janet",), packed=True), SHAPE) for _ in "ab")
    assert torch.equal(first.padded, second.padded)
    assert first.padded.shape == (9, 40, 2)
    lengths = nn.utils.rnn.pad_packed_sequence(first.packed)[1]
    assert sorted({*lengths.tolist()}) == [5, 6, 7, 8, 9]
    assert first.packed.batch_sizes[0] == 40
    assert dict(first.by_kind()) == {False: first.padded, True: first.packed}
    assert make_inputs(Plan(("janet",)), SHAPE).packed is None


def test_layers_take_the_plans_arguments_and_the_cells_its_options():
    arguments = {"layers": 2, "bidirectional": True, "proj_size": 2, "dtype": "float64"}
    plan = Plan(("janet",), shapes=(SHAPE,), options={"beta": 2.0}, **arguments)
    for cell, kind in ((REFERENCE, "LSTM"), ("janet", "JANET")):
        layer = make_layer(plan, cell, SHAPE)
        assert type(layer).__name__ == kind
        sizes = (layer.num_layers, layer.bidirectional, layer.proj_size)
        assert sizes == (2, True, 2)
        assert layer.weight_ih_l0.dtype == torch.float64
    assert layer.beta == 2.0
