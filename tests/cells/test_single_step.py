"""JANETCell and IndRNNCell: nn.LSTMCell's contract, one step equal to the layer's step."""

import copy
import inspect

import pytest
import torch
from cases import CELLS
from tolerances import assert_same
from torch import nn

from rnnswap.discovery import get_cell, installed
from rnnswap.spec import load_target

I, H, B = 4, 5, 3
NAMES = [name for name in CELLS if installed().cells.get(name).spec.cell_target]
OWN = [name for name in NAMES if name != "lstm"]
OPTIONS = {"janet": {"beta": 2.0}, "indrnn": {"nonlinearity": "tanh", "recurrent_max": 0.5}}


def build(name, *args, **kwargs):
    cls = load_target(installed().cells.get(name).spec.cell_target)
    return cls(*(args or (I, H)), **({"dtype": torch.float64} | kwargs))


def state():
    return tuple(torch.randn(B, H, dtype=torch.float64, requires_grad=True) for _ in range(2))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bias", [True, False])
def test_one_step_is_the_layers_step(name, bias):
    options = OPTIONS.get(name, {})
    cell = build(name, bias=bias, **options)
    layer = get_cell(name)(I, H, bias=bias, dtype=torch.float64, **options)
    layer.load_state_dict({f"{k}_l0": v for k, v in cell.state_dict().items()})
    x, (h, c) = torch.randn(B, I, dtype=torch.float64), state()
    output, (h_n, c_n) = layer(x.unsqueeze(0), (h.unsqueeze(0), c.unsqueeze(0)))
    found = cell(x, (h, c))
    assert_same(found[0], output[0])
    assert_same(found[0], h_n[0])
    assert_same(found[1], c_n[0])
    row = cell(x[0], (h[0], c[0]))
    assert_same(row[0], found[0][0])
    assert torch.equal(cell(x)[0], cell(x, (h * 0, c * 0))[0])


@pytest.mark.parametrize("name", OWN)
def test_signature_names_and_kind_are_nn_lstmcells(name):
    cell = build(name)
    parameters = inspect.signature(type(cell)).parameters
    assert list(parameters)[:5] == ["input_size", "hidden_size", "bias", "device", "dtype"]
    theirs = [n for n, _ in nn.LSTMCell(I, H).named_parameters()]
    assert [n for n, _ in cell.named_parameters()] == theirs
    assert isinstance(cell, nn.RNNCellBase)
    assert repr(build(name, bias=False)) == f"{type(cell).__name__}(4, 5, bias=False)"
    assert build(name, bias=False).bias_ih is None


@pytest.mark.parametrize("name", OWN)
def test_gradients_reach_everything(name):
    cell = build(name)
    x = torch.randn(B, I, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *a: cell(a[0], a[1:]), (x, *state()))
    h, c = state()
    sum(t.sum() for t in cell(x, (h, c))).backward()
    assert all(t.grad is not None for t in (x, h, c, *cell.parameters()))
    new_h, new_c = cell(x)
    new_h.detach().add_(1)
    assert not torch.equal(new_h, new_c), "h and c must not share memory"


@pytest.mark.parametrize("name", OWN)
def test_starts_as_the_layer_does(name):
    torch.manual_seed(3)
    cell = build(name, 4, 2000)
    for bias in ("bias_ih", "bias_hh"):
        reference = getattr(get_cell(name)(4, 2000), f"{bias}_l0")
        assert torch.equal(getattr(cell, bias).float(), reference)
    twin = copy.deepcopy(cell)
    assert torch.equal(twin.weight_hh, cell.weight_hh)


@pytest.mark.parametrize("name", OWN)
def test_autocast_spares_float64(name):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        h, c = build(name)(torch.randn(B, I, dtype=torch.float64))
    assert {h.dtype, c.dtype} == {torch.float64}


@pytest.mark.parametrize("name", OWN)
def test_autocast_gives_the_low_precision(name):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        h, c = build(name, dtype=None)(torch.randn(B, I))
    assert {h.dtype, c.dtype} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("x", "hx"),
    [
        (torch.zeros(2, 3, I), None),
        (torch.zeros(B, I + 1), None),
        (torch.zeros(B, I), (torch.zeros(1, B, H), torch.zeros(1, B, H))),
        (torch.zeros(B, I), (torch.zeros(B + 1, H), torch.zeros(B, H))),
        (torch.zeros(B, I), (torch.zeros(B, H), torch.zeros(B, H + 1))),
    ],
    ids=["rank", "width", "state rank", "state batch", "state width"],
)
@pytest.mark.parametrize("name", OWN)
def test_mistakes_raise_nn_lstmcells_types(name, x, hx):
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        nn.LSTMCell(I, H)(x, hx)
    with pytest.raises(type(theirs.value)):
        build(name, dtype=None)(x, hx)


@pytest.mark.parametrize("name", OWN)
def test_a_state_that_is_no_pair_is_refused(name):
    with pytest.raises(TypeError, match="pair"):
        build(name)(torch.zeros(B, I, dtype=torch.float64), torch.zeros(B, H, dtype=torch.float64))
