"""Results may be written into before backward wherever nn.LSTM's and nn.LSTMCell's may."""

import pytest
import torch
from cases import CELLS
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from rnnswap import IndRNNCell, JANETCell, RecurrentLayer
from rnnswap.cells._cell import RecurrentCell
from rnnswap.discovery import get_cell

SETTINGS = [
    {"dtype": torch.float64},
    {"dtype": torch.float64, "num_layers": 2, "bidirectional": True},
    {"dtype": torch.float64, "proj_size": 3},
    {"proj_size": 3, "bidirectional": True},
]


class Squashed(RecurrentCell):
    """Its step keeps its result for backward."""

    gates = 1

    def step(self, gates_x, state, weights):
        return (torch.tanh(gates_x + nn.functional.linear(state[0], weights["weight_hh"])),)


def write_and_train(layer, output, state):
    before = output.detach().clone()
    output.mul_(0.5)
    for part in state:
        part.mul_(2.0)
    assert torch.equal(output, before * 0.5)
    (output.sum() + sum(part.sum() for part in state)).backward()
    return {name: p.grad for name, p in layer.named_parameters()}


def expected_gradients(layer, output, state):
    (output.sum() * 0.5 + 2.0 * sum(part.sum() for part in state)).backward()
    grads = {name: p.grad for name, p in layer.named_parameters()}
    layer.zero_grad()
    return grads


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("packed", [False, True])
def test_what_a_layer_returned(name, setting, packed):
    layer = get_cell(name)(4, 8, **setting)
    x = torch.randn(5, 3, 4, dtype=setting.get("dtype", torch.float32))
    if packed:
        x = pack_padded_sequence(x, torch.tensor([5, 3, 2]))

    def run():
        output, state = layer(x)
        return output.data if packed else output, state

    expected = expected_gradients(layer, *run())
    found = write_and_train(layer, *run())
    for key, grad in expected.items():
        torch.testing.assert_close(found[key], grad)


@pytest.mark.parametrize("name", [n for n in CELLS if getattr(get_cell(n), "states", 2) == 2])
def test_packed_output_in_float32(name):
    layer = get_cell(name)(4, 8)
    output, state = layer(pack_padded_sequence(torch.randn(5, 3, 4), torch.tensor([5, 3, 2])))
    assert write_and_train(layer, output.data, state)["weight_ih_l0"] is not None


def test_nothing_is_copied_where_there_is_no_gradient():
    layer = get_cell("janet")(4, 8, dtype=torch.float64)
    assert isinstance(layer, RecurrentLayer)
    with torch.no_grad():
        output, _ = layer(torch.randn(5, 3, 4, dtype=torch.float64))
    assert layer._writable(output) is output


@pytest.mark.parametrize(
    "make",
    [
        nn.LSTMCell,
        JANETCell,
        IndRNNCell,
        lambda *sizes: IndRNNCell(*sizes, nonlinearity="tanh"),
        Squashed,
    ],
)
@pytest.mark.parametrize("learned", [False, True])
def test_states_of_an_episode_that_ended(make, learned):
    def losses(reset):
        torch.manual_seed(0)
        cell, head = make(4, 8), nn.Linear(8, 1)
        h, c = (torch.full((3, 8), 0.1, requires_grad=learned) for _ in range(2))
        loss = 0
        for step in range(4):
            h, c = cell(torch.ones(3, 4), (h, c))
            h, c = reset(h, c, torch.tensor([step == 1, False, step == 2]))
            loss = loss + head(h).sum() + c.sum()
        loss.backward()
        return loss, cell.weight_ih.grad

    def in_place(h, c, done):
        h[done] = 0
        c[done] = 0
        return h, c

    def anew(h, c, done):
        kept = (~done).unsqueeze(1)
        return h * kept, c * kept

    for found, expected in zip(losses(in_place), losses(anew), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["janet", "indrnn"])
def test_a_trace_is_the_same_with_and_without_gradients(name):
    layer = get_cell(name)(4, 8, proj_size=3, dtype=torch.float64)
    torch.jit.trace(layer, torch.randn(5, 3, 4, dtype=torch.float64))  # it checks itself
    torch.jit.trace(get_cell(name)(4, 8, 2, dtype=torch.float64), torch.randn(5, 3, 4).double())
    torch.jit.trace(IndRNNCell(4, 8), torch.randn(3, 4))
