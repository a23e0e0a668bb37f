"""torch.jit.trace, which traces with gradients and checks the trace without them."""

import pytest
import torch
from tolerances import assert_same
from torch import nn

import rnnswap

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning"
)


class Plain(rnnswap.RecurrentLayer):
    gates = 1

    def step(self, gates_x, state, weights):
        return (torch.tanh(gates_x + state[0] @ weights["weight_hh"].t()),)


class Chunks(nn.Module):
    """Carries the state over, and begins with one that is learned."""

    def __init__(self, rnn, rows, read):
        super().__init__()
        self.rnn = rnn
        self.h_0 = nn.Parameter(torch.randn(rows, 1, read))
        self.c_0 = nn.Parameter(torch.randn(rows, 1, 6))

    def forward(self, x):
        state = tuple(s.expand(-1, 2, -1).contiguous() for s in (self.h_0, self.c_0))
        first, state = self.rnn(x[:2], state)
        second, (h, c) = self.rnn(x[2:], state)
        return torch.cat((first, second)).square().sum() + h.sum() + c.square().sum()


class Decoder(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell
        self.state = nn.Parameter(torch.randn(2, 2, 6))

    def forward(self, x):
        h, c = self.state
        for step in x.unbind(0):
            h, c = self.cell(step, (h, c))
        return h.square().sum() + c.sum()


LAYERS = {
    "JANET": (rnnswap.JANET, {}),
    "IndRNN": (rnnswap.IndRNN, {}),
    "IndRNN within bounds": (rnnswap.IndRNN, {"recurrent_max": 0.5, "gradient_clip": 1.0}),
    "IndRNNv2": (rnnswap.IndRNNv2, {"residual": True}),
    "zoneout": (rnnswap.IndRNN, {"zoneout": 0.1}),
    "one step": (Plain, {}),
    "attention": (rnnswap.with_attention(rnnswap.IndRNN, "soft"), {}),
    "attention of one step": (rnnswap.with_attention(Plain, "multihead"), {}),
}


def assert_traced_is_eager(model):
    x = torch.randn(5, 2, 4)
    trace = torch.jit.trace(model, x)
    results = []
    for call in (trace, model):
        model.zero_grad()
        call(x).backward()
        results.append([p.grad.clone() for p in model.parameters()])
    for found, expected in zip(*results, strict=True):
        assert_same(found, expected, eps=512)


@pytest.mark.parametrize("setting", [{}, {"bidirectional": True}, {"proj_size": 3}], ids=str)
@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS)
def test_a_state_that_is_carried_over_or_learned(case, setting):
    cls, options = case
    layer = cls(4, 6, **setting, **options).eval()
    rows, read = 2 if "bidirectional" in setting else 1, setting.get("proj_size", 6)
    assert_traced_is_eager(Chunks(layer, rows, read))


@pytest.mark.parametrize("kind", [nn.LSTMCell, rnnswap.JANETCell, rnnswap.IndRNNCell])
def test_a_decode_loop(kind):
    assert_traced_is_eager(Decoder(kind(4, 6)))
