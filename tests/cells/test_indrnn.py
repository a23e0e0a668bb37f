"""What is IndRNN's own: bounds, initialisation, state; and IndRNNv2's norm and residuals."""

import copy
import pickle

import pytest
import torch
from tolerances import assert_same
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnswap import IndRNN, IndRNNv2, OptionError

H = 6


def test_recurrent_weight_is_a_column_that_initialisers_take():
    layer = IndRNN(4, H)
    assert layer.weight_hh_l0.shape == (H, 1)
    for name, p in layer.named_parameters():
        if "weight" in name:
            nn.init.orthogonal_(p)
            nn.init.xavier_uniform_(p)


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [
        ({}, 0.0, 1.0),
        ({"recurrent_max": 0.5}, 0.0, 0.5),
        ({"recurrent_min": 0.8}, 0.8, 1.0),
        ({"recurrent_min": 1.5, "recurrent_max": 2.0}, 1.5, 1.5),
    ],
    ids=str,
)
def test_recurrent_weight_starts_within_its_bounds(options, low, high):
    u = IndRNN(4, 5000, **options).weight_hh_l0.detach()
    assert low <= u.min() <= low + 0.01
    assert high - 0.01 <= u.max() <= high


@pytest.mark.parametrize("value", [3.0, -3.0, 0.1, -0.1, 0.0])
def test_bounds_act_on_the_value_used_and_let_the_gradient_pass(value):
    bounded = IndRNN(2, 1, recurrent_max=0.5, recurrent_min=0.25, nonlinearity="tanh")
    free = IndRNN(2, 1, nonlinearity="tanh")
    free.load_state_dict(bounded.state_dict())
    used = min(max(abs(value), 0.25), 0.5) * (-1 if value < 0 else 1)
    with torch.no_grad():
        bounded.weight_hh_l0.fill_(value)
        free.weight_hh_l0.fill_(used)
    x = torch.randn(4, 3, 2)
    outputs = [layer(x)[0] for layer in (bounded, free)]
    assert_same(*outputs)
    for output in outputs:
        output.sum().backward()
    assert_same(bounded.weight_hh_l0.grad, free.weight_hh_l0.grad)
    assert bounded.weight_hh_l0.item() == pytest.approx(value), "the parameter keeps its value"


@pytest.mark.parametrize("value", [3e7, -1e8, float("inf"), -float("inf")])
def test_the_bound_is_exact_on_a_weight_that_has_diverged(value):
    layer = IndRNN(1, 1, recurrent_max=1.0, bias=False, nonlinearity="tanh")
    with torch.no_grad():
        layer.weight_ih_l0.zero_()
        layer.weight_hh_l0.fill_(value)
    one = torch.ones(1, 1, 1)
    expected = torch.tanh(torch.tensor(1.0 if value > 0 else -1.0))
    assert layer(one, (one, one))[0].item() == pytest.approx(expected.item())


def test_gradient_clip_is_compiled_whole():
    layer = IndRNN(4, H, gradient_clip=0.5)
    x = 10 * torch.randn(5, 3, 4)
    torch.compile(layer, fullgraph=True, backend="aot_eager")(x)[0].pow(2).sum().backward()
    found = [p.grad for p in layer.parameters()]
    layer.zero_grad()
    layer(x)[0].pow(2).sum().backward()
    for a, p in zip(found, layer.parameters(), strict=True):
        assert_same(a, p.grad)
    torch.compiler.reset()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"nonlinearity": "sigmoid"}, "relu or tanh, got 'sigmoid'"),
        ({"recurrent_max": 0.0}, "greater than 0"),
        ({"recurrent_max": -1.0}, "greater than 0"),
        ({"recurrent_min": -0.1}, "at least 0"),
        ({"recurrent_min": 2.0, "recurrent_max": 1.0}, "greater than recurrent_max"),
        ({"recurrent_max": float("nan")}, "greater than 0, got nan"),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(options, words):
    with pytest.raises(OptionError, match=words):
        IndRNN(4, H, **options)


@pytest.mark.parametrize("proj_size", [0, 2])
def test_the_state_that_is_not_read_gets_a_zero_gradient(proj_size):
    layer = IndRNN(4, H, proj_size=proj_size)
    h0 = torch.randn(1, 3, proj_size or H, requires_grad=True)
    c0 = torch.randn(1, 3, H, requires_grad=True)
    output, (h_n, c_n) = layer(torch.randn(2, 3, 4), (h0, c0))
    (output.sum() + h_n.sum() + c_n.sum()).backward()
    read, unread = (c0, h0) if proj_size else (h0, c0)
    assert read.grad.abs().sum() > 0
    assert torch.equal(unread.grad, torch.zeros_like(unread))


def test_a_nan_in_the_state_that_is_not_read_does_nothing():
    layer = IndRNN(4, H)
    c0 = torch.full((1, 3, H), torch.nan, requires_grad=True)
    output, _ = layer(torch.randn(2, 3, 4), (torch.zeros(1, 3, H), c0))
    output.sum().backward()
    assert output.isfinite().all()
    assert torch.equal(c0.grad, torch.zeros_like(c0))


@pytest.mark.parametrize("option", ["batch_norm", "residual"])
def test_v2_flags_are_bools(option):
    with pytest.raises(OptionError, match=f"{option} must be True or False, got 'no'"):
        IndRNNv2(4, H, **{option: "no"})


def test_v2_without_options_is_indrnn():
    first, second = IndRNN(4, H, 3, bidirectional=True), IndRNNv2(4, H, 3, bidirectional=True)
    second.load_state_dict(first.state_dict())
    x = torch.randn(5, 2, 4)
    assert torch.equal(first(x)[0], second(x)[0])


def test_v2_residual_adds_a_layers_input_where_widths_agree():
    layer = IndRNNv2(4, H, 2, residual=True, dtype=torch.float64)
    x = torch.randn(5, 2, 4, dtype=torch.float64)
    below, above = IndRNN(4, H, dtype=torch.float64), IndRNN(H, H, dtype=torch.float64)
    parameters = layer.state_dict()
    below.load_state_dict({n: p for n, p in parameters.items() if "l0" in n})
    above.load_state_dict({n.replace("l1", "l0"): p for n, p in parameters.items() if "l1" in n})
    middle = below(x)[0]  # 4 features in, 6 out: nothing to add
    assert_same(layer(x)[0], middle + above(middle)[0])


def test_v2_batch_norm_normalises_over_batch_and_time():
    layer = IndRNNv2(4, H, batch_norm=True, nonlinearity="tanh")
    output, (h_n, _) = layer(torch.randn(50, 8, 4))
    flat = output.detach().flatten(0, 1)
    assert flat.mean(0).abs().max() < 1e-5
    assert (flat.var(0, unbiased=False) - 1).abs().max() < 1e-2
    assert not torch.equal(h_n[0], output[-1]), "the state is the recurrence's, before the norm"


def test_v2_batch_norm_does_not_count_padding():
    layer = IndRNNv2(4, H, batch_norm=True, dtype=torch.float64)
    lengths = [5, 2]
    padded = torch.randn(5, 2, 4, dtype=torch.float64)
    plain = IndRNN(4, H, dtype=torch.float64)
    plain.load_state_dict({n: p for n, p in layer.state_dict().items() if "norm" not in n})
    raw = plain(pack_padded_sequence(padded, lengths))[0].data
    normed = layer(pack_padded_sequence(padded, lengths))[0]
    mean, variance = raw.mean(0), raw.var(0, unbiased=False)
    assert_same(normed.data, (raw - mean) / (variance + 1e-5).sqrt(), eps=4096)
    assert pad_packed_sequence(normed)[0][2:, 1].abs().sum() == 0


@pytest.mark.parametrize("given", [(0.9, 1.0), "0.9,1"], ids=str)
def test_recurrent_and_last_layer_ranges_are_where_u_starts(given):
    layer = IndRNN(4, 500, 3, recurrent_init=(0.1, 0.2), last_layer_init=given)
    for name, low, high in (("l0", 0.1, 0.2), ("l1", 0.1, 0.2), ("l2", 0.9, 1.0)):
        u = getattr(layer, f"weight_hh_{name}").detach()
        assert low <= u.min() < u.max() <= high


@pytest.mark.parametrize(
    ("given", "low", "high"),
    [(0.5, -0.5, 0.5), ((-0.1, 1.0), -0.1, 1.0), ("0.5", -0.5, 0.5), ("-0.1,1", -0.1, 1.0)],
    ids=str,
)
def test_gradient_clip_clamps_every_parameter_and_survives_a_copy(given, low, high):
    layer = IndRNN(4, H, gradient_clip=given)
    plain = IndRNN(4, H)
    plain.load_state_dict(layer.state_dict())
    x = 10 * torch.randn(5, 3, 4)
    plain(x)[0].pow(2).sum().backward()
    for one in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        one.zero_grad()
        one(x)[0].pow(2).sum().backward()
        for (name, p), q in zip(one.named_parameters(), plain.parameters(), strict=True):
            assert torch.equal(p.grad, q.grad.clamp(low, high)), name


def test_gradient_clip_under_torch_func():
    layer = IndRNN(4, H, gradient_clip=0.5, dtype=torch.float64)
    x = 10 * torch.randn(5, 3, 4, dtype=torch.float64)

    def loss(parameters):
        return torch.func.functional_call(layer, parameters, (x,))[0].pow(2).sum()

    found = torch.func.grad(loss)(dict(layer.named_parameters()))
    layer(x)[0].pow(2).sum().backward()
    for name, p in layer.named_parameters():
        assert_same(found[name], p.grad)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"recurrent_init": (1, 0)}, "recurrent_init must be .low, high."),
        ({"recurrent_init": 0.5}, "must be a pair"),
        ({"last_layer_init": "a,b"}, "takes numbers, got 'a'"),
        ({"gradient_clip": -1}, "positive number"),
        ({"gradient_clip": (1, 2)}, "around 0"),
        ({"gradient_clip": "much"}, "takes numbers, got 'much'"),
        ({"gradient_clip": True}, "takes numbers, got True"),
        ({"recurrent_init": "0,inf"}, "recurrent_init must be"),
        ({"recurrent_max": "1"}, "greater than 0, got '1'"),
        ({"recurrent_min": float("inf")}, "at least 0, got inf"),
        ({"layer_norm": "no"}, "layer_norm must be True or False"),
    ],
    ids=str,
)
def test_ranges_that_make_no_sense_are_refused(options, words):
    with pytest.raises(OptionError, match=words):
        IndRNN(4, H, **options)
