"""Options of the base, for every cell: each against its formula written out by hand."""

import pytest
import torch
import torch.nn.functional as F
from cases import OWN_CELLS, make
from tolerances import assert_same

from rnnswap import JANET, IndRNN, OptionError, RecurrentLayer, UnsupportedError
from rnnswap.discovery import get_cell

I, H, T, B = 3, 5, 4, 2

own_cell = pytest.mark.parametrize("name", OWN_CELLS)


def double(cls, *args, **kwargs):
    return cls(*args, dtype=torch.float64, **kwargs)


def normed(v):
    return (v - v.mean(-1, keepdim=True)) / (v.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()


def spread_gains(layer):
    for name, p in layer.named_parameters():
        if "gain" in name:
            torch.nn.init.uniform_(p, 0.5, 1.5)


def test_layer_norm_of_janet_normalises_both_products_per_gate():
    layer = double(JANET, I, H, layer_norm=True)
    spread_gains(layer)
    x = torch.randn(T, B, I, dtype=torch.float64)
    c = torch.zeros(B, H, dtype=torch.float64)
    output, _ = layer(x)
    for t in range(T):
        halves = []
        for gate in (slice(0, H), slice(H, 2 * H)):
            of_x = normed(x[t] @ layer.weight_ih_l0[gate].t()) * layer.gain_ih_l0[gate]
            of_h = normed(c @ layer.weight_hh_l0[gate].t()) * layer.gain_hh_l0[gate]
            halves.append(of_x + of_h + layer.bias_ih_l0[gate] + layer.bias_hh_l0[gate])
        g, s = halves
        c = s.sigmoid() * c + (1 - (s - 1).sigmoid()) * g.tanh()
        assert_same(output[t], c, eps=4096)


def test_layer_norm_of_indrnn_normalises_the_inputs_product():
    layer = double(IndRNN, I, H, layer_norm=True)
    spread_gains(layer)
    torch.nn.init.uniform_(layer.bias_hh_l0)
    x = torch.randn(T, B, I, dtype=torch.float64)
    h = torch.zeros(B, H, dtype=torch.float64)
    output, _ = layer(x)
    for t in range(T):
        of_x = normed(x[t] @ layer.weight_ih_l0.t()) * layer.gain_ih_l0
        h = F.relu(of_x + layer.weight_hh_l0[:, 0] * h + layer.bias_ih_l0 + layer.bias_hh_l0)
        assert_same(output[t], h, eps=4096)


@own_cell
@pytest.mark.parametrize("setting", [{}, {"bidirectional": True, "proj_size": 2}], ids=str)
def test_layer_norm_trains_and_its_gains_are_no_weights(name, setting):
    layer = get_cell(name)(I, H, 2, layer_norm=True, **setting)
    gains = {n: p for n, p in layer.named_parameters() if n.startswith("gain")}
    assert gains
    assert not any(n in names for names in layer._all_weights for n in gains)
    assert all(torch.equal(p, torch.ones_like(p)) for p in gains.values())
    layer(torch.randn(T, B, I))[0].sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in gains.values())
    twin = get_cell(name)(I, H, 2, layer_norm=True, **setting)
    twin.load_state_dict(layer.state_dict())


@own_cell
@pytest.mark.parametrize("setting", [{}, {"proj_size": 2}, {"bidirectional": True}], ids=str)
def test_zoneout_in_eval_mode_keeps_the_expected_share(name, setting):
    """c = p * c' + (1 - p) * (the cell's own c); h follows c."""
    layer = make(name, I, H, zoneout=0.3, dtype=torch.float64, **setting)
    bare = make(name, I, H, dtype=torch.float64, **setting)
    bare.load_state_dict(layer.state_dict())
    x = torch.randn(1, B, I, dtype=torch.float64)
    rows = 2 if layer.bidirectional else 1
    c0 = torch.randn(rows, B, H, dtype=torch.float64)
    h0 = torch.randn(rows, B, 2, dtype=torch.float64) if layer.proj_size else c0
    _, (_, c) = bare(x, (h0, c0))
    _, (h_n, c_n) = layer(x, (h0, c0))
    assert_same(c_n, 0.3 * c0 + 0.7 * c)
    if layer.proj_size:
        assert_same(h_n[0], c_n[0] @ layer.weight_hr_l0.t())
    else:
        assert torch.equal(h_n, c_n)


@own_cell
def test_zoneout_in_training_keeps_units_at_its_rate(name):
    layer = get_cell(name)(I, 400, zoneout=0.25)
    c0 = torch.rand(1, 50, 400) + 1
    _, (_, c_n) = layer(torch.randn(1, 50, I), (c0, c0))
    kept = (c_n == c0).float().mean()
    assert kept == pytest.approx(0.25, abs=0.02)


@own_cell
def test_zoneout_of_nothing_is_the_fast_path_and_the_step_agrees_with_it(name):
    layer = make(name, I, H, 2, dtype=torch.float64, bidirectional=True)
    stepwise = make(name, I, H, 2, dtype=torch.float64, bidirectional=True, zoneout=1e-300)
    stepwise.load_state_dict(layer.state_dict())
    x = torch.randn(T, B, I, dtype=torch.float64)
    assert_same(stepwise(x)[0], layer(x)[0])


@own_cell
def test_input_dropout_drops_the_same_features_at_every_step(name):
    seen = []

    class Watched(get_cell(name)):
        def run_direction(self, x, *args):
            seen.append(x)
            return super().run_direction(x, *args)

    layer = Watched(64, H, input_dropout=0.5)
    x = torch.rand(T, B, 64) + 1
    layer(x)
    (given,) = seen
    dropped = given == 0
    assert torch.equal(dropped, dropped[:1].expand_as(dropped))
    assert dropped.float().mean() == pytest.approx(0.5, abs=0.2)
    assert torch.equal(given[~dropped], (2 * x)[~dropped])
    seen.clear()
    layer.eval()(x)
    assert torch.equal(seen[0], x)


@own_cell
@pytest.mark.parametrize("option", ["zoneout", "input_dropout"])
@pytest.mark.parametrize("value", [-0.1, 1.0, True, "0.5"], ids=str)
def test_probabilities_out_of_range_are_refused(name, option, value):
    with pytest.raises(OptionError, match=rf"{option} must be a number in \[0, 1\)"):
        get_cell(name)(I, H, **{option: value})


@own_cell
@pytest.mark.parametrize("options", [{"zoneout": 0.3}, {"layer_norm": True}], ids=str)
def test_options_survive_torch_compile(name, options):
    layer = make(name, I, H, 2, **options)
    x = torch.randn(T, B, I)
    with torch.no_grad():
        compiled = torch.compile(layer, fullgraph=True, backend="eager")(x)[0]
    assert_same(compiled, layer(x)[0])
    torch.compiler.reset()


@pytest.mark.parametrize(
    ("argument", "value"),
    [("bidirectional", True), ("proj_size", 2), ("num_layers", 2), ("bias", False)],
)
def test_what_a_class_does_not_support_is_one_clear_error(argument, value):
    class Limited(RecurrentLayer):
        gates = 1
        unsupported = frozenset({argument})

        def step(self, gates_x, state, weights):
            return (gates_x,)

    Limited(I, H)
    with pytest.raises(
        UnsupportedError, match=f"^Limited does not support {argument}, asked for .*={value}$"
    ):
        Limited(I, H, **{argument: value})


@pytest.mark.parametrize("apart", [False, True])
def test_a_step_finds_the_recurrent_bias_in_its_gates_unless_it_wants_it_apart(apart):
    class Plain(RecurrentLayer):
        gates = 1
        recurrent_bias_apart = apart

        def step(self, gates_x, state, weights):
            return (gates_x,)

    layer = double(Plain, I, H)
    x = torch.randn(T, B, I, dtype=torch.float64)
    bias = layer.bias_ih_l0 if apart else layer.bias_ih_l0 + layer.bias_hh_l0
    assert_same(layer(x)[0], F.linear(x, layer.weight_ih_l0, bias))
