"""Layers and mechanisms run where their weights lie, not on torch's default device."""

import pytest
import torch
from cases import CELLS, make
from tolerances import assert_same
from torch.nn.utils.rnn import pack_padded_sequence

import rnnswap
from rnnswap.discovery import get_attention, get_cell, installed, list_attentions

CPU = torch.device("cpu")


class OneStep(rnnswap.RecurrentLayer):
    """A cell given as one step, which the library's virtual machine runs."""

    gates, states = 1, 2

    def step(self, gates_x, state, weights):
        h, c = state
        new = torch.tanh(gates_x + h @ weights["weight_hh"].t())
        return new, 0.5 * c + 0.5 * new


def layer(name, **settings):
    given = {"input_size": 4, "hidden_size": 5, "device": CPU, "dtype": torch.float32, **settings}
    return OneStep(**given).eval() if name == "OneStep" else make(name, **given)


def inputs(settings):
    """Yield a padded batch, one with a state, a packed batch and a sequence without a batch."""
    rows = settings.get("num_layers", 1) * (2 if settings.get("bidirectional") else 1)
    width = settings.get("proj_size") or 5
    x = torch.randn(6, 3, 4, device=CPU, requires_grad=True)
    yield x, None
    yield x, (torch.randn(rows, 3, width, device=CPU), torch.randn(rows, 3, 5, device=CPU))
    yield pack_padded_sequence(x.detach(), torch.tensor([6, 4, 2], device=CPU)), None
    yield torch.randn(6, 4, device=CPU), None


def everything(module, given):
    """The results of each call, and the weights' gradients of all."""
    results = []
    for x, state in given:
        output, (h, c) = module(x, state)
        output = getattr(output, "data", output)
        (output.sum() + h.sum() + c.sum()).backward()
        results += [output, h, c]
    return [*results, *(p.grad.clone() for p in module.parameters())]


def under(default, work):
    """Do `work` while this is torch's default device or type."""
    try:
        if default == "meta":
            torch.set_default_device("meta")
        else:
            torch.set_default_dtype(torch.float64)
        return work()
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)


defaults = pytest.mark.parametrize("default", ["meta", "float64"])


@defaults
@pytest.mark.parametrize(
    "settings", [{}, {"num_layers": 2, "bidirectional": True}, {"proj_size": 3}]
)
@pytest.mark.parametrize("name", [*CELLS, "OneStep"])
def test_layers_run_where_their_weights_lie(name, settings, default):
    if name in CELLS and not set(settings).isdisjoint(installed().cells.get(name).spec.unsupported):
        pytest.skip(f"{name} does not take {settings}")
    module, given = layer(name, **settings), [*inputs(settings)]
    # Under the default first: what is made once is made there.
    results = under(default, lambda: everything(module, given))
    module.zero_grad()
    for got, expected in zip(results, everything(module, given), strict=True):
        assert got.device == CPU
        assert_same(got, expected)


@defaults
@pytest.mark.parametrize("name", CELLS)
def test_a_layer_is_made_where_the_default_says(name, default):
    made = under(default, lambda: get_cell(name)(4, 5))
    like = under(default, lambda: torch.nn.LSTM(4, 5))
    assert {(p.device, p.dtype) for p in made.parameters()} == {
        (p.device, p.dtype) for p in like.parameters()
    }


def attended(module, x, mask):
    context, weights = module(x, x, x, mask)
    (context.sum() + weights.pow(2).sum()).backward()
    return [context, weights, *(p.grad.clone() for p in module.parameters())]


@defaults
@pytest.mark.parametrize("name", list_attentions())
def test_mechanisms_run_where_their_weights_lie(name, default):
    module = get_attention(name)(4, 4, device=CPU, dtype=torch.float32)
    x = torch.randn(3, 4, 4, device=CPU, requires_grad=True)
    mask = torch.rand(3, 4, 4, device=CPU) > 0.3
    for given in (None, mask):
        module.zero_grad()
        results = under(default, lambda given=given: attended(module, x, given))
        module.zero_grad()
        for got, expected in zip(results, attended(module, x, given), strict=True):
            assert got.device == CPU
            assert_same(got, expected)


@defaults
def test_torchs_attention_runs_where_its_weights_lie(default):
    module = rnnswap.attention.MultiheadAttention(
        8, 2, add_bias_kv=True, add_zero_attn=True, device=CPU, dtype=torch.float32
    )
    x = torch.randn(5, 3, 8, device=CPU)
    mask = torch.ones(5, 5, dtype=torch.bool, device=CPU).triu(1)
    padding = torch.zeros(3, 5, dtype=torch.bool, device=CPU)

    def call():
        settings = {"attn_mask": mask, "key_padding_mask": padding}
        return [
            *module(x, x, x, **settings),
            module(x, x, x, need_weights=False, is_causal=True, **settings)[0],
        ]

    for got, expected in zip(under(default, call), call(), strict=True):
        assert got.device == CPU
        assert_same(got, expected)
