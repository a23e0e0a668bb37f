"""`_flat_weights`, which nn.LSTM reads at each call and code writes into."""

import copy
import io
import pickle

import pytest
import torch
import torch.nn.functional as F
from cases import CELLS, OWN_CELLS
from torch import nn

from rnnswap.discovery import get_cell

X = torch.linspace(-1, 1, 24).view(3, 2, 4)
every_cell = pytest.mark.parametrize("name", CELLS)
own_cell = pytest.mark.parametrize("name", OWN_CELLS)


def position(layer, name):
    return layer._flat_weights_names.index(name)


@every_cell
@pytest.mark.parametrize("where", ["weight_ih_l0", "weight_ih_l1_reverse", "bias_ih_l0"])
@pytest.mark.parametrize("how", ["element", "from the end", "slice", "list"])
def test_what_is_written_is_computed_with(name, where, how):
    layer = get_cell(name)(4, 8, 2, bidirectional=True)
    twin = copy.deepcopy(layer)
    written = (getattr(layer, where) * 0.5).detach().requires_grad_()
    getattr(twin, where).data.copy_(written.data)
    at = position(layer, where)
    if how == "element":
        layer._flat_weights[at] = written
    elif how == "from the end":
        layer._flat_weights[at - len(layer._flat_weights)] = written
    elif how == "slice":
        layer._flat_weights[at : at + 1] = [written]
    else:
        weights = list(layer._flat_weights)
        weights[at] = written
        layer._flat_weights = weights
    assert layer._flat_weights[at] is written
    assert torch.equal(layer(X)[0], twin(X)[0])
    layer(X)[0].sum().backward()
    assert written.grad.abs().sum() > 0
    assert getattr(layer, where).grad is None


@every_cell
def test_weight_drop_that_keeps_the_list_in_step(name):
    layer = get_cell(name)(4, 8)
    w = layer.weight_hh_l0
    del layer._parameters["weight_hh_l0"]
    layer.register_parameter("weight_hh_l0_raw", nn.Parameter(w.data))
    for _ in range(2):
        layer.weight_hh_l0 = F.dropout(layer.weight_hh_l0_raw, 0.5)
        names = layer._flat_weights_names
        layer._flat_weights = [getattr(layer, n) if hasattr(layer, n) else None for n in names]
        layer(X)[0].sum().backward()
    assert layer.weight_hh_l0_raw.grad is not None


@every_cell
def test_an_attribute_that_is_set_later_counts(name):
    layer = get_cell(name)(4, 8)
    at = position(layer, "weight_ih_l0")
    layer._flat_weights[at] = torch.zeros_like(layer.weight_ih_l0)
    layer.weight_ih_l0 = nn.Parameter(torch.ones_like(layer.weight_ih_l0))
    assert layer._flat_weights[at] is layer.weight_ih_l0
    twin = get_cell(name)(4, 8)
    twin.load_state_dict(layer.state_dict())
    assert torch.equal(layer(X)[0], twin(X)[0])


@every_cell
@pytest.mark.parametrize("anew", [lambda m: m.double(), lambda m: m._init_flat_weights()])
def test_moving_the_layer_makes_the_list_anew(name, anew):
    layer = get_cell(name)(4, 8)
    layer._flat_weights[0] = torch.zeros_like(layer.weight_ih_l0)
    anew(layer)
    assert layer._flat_weights[0] is layer.weight_ih_l0
    layer(X.to(layer.weight_ih_l0.dtype))


@own_cell  # nn.LSTM's copies forget what was written
def test_copies_and_refs(name):
    layer = get_cell(name)(4, 8)
    assert [ref() for ref in layer._flat_weight_refs] == layer._flat_weights
    layer._flat_weight_refs = list(layer._flat_weight_refs)
    layer._flat_weights[0] = nn.Parameter(layer.weight_ih_l0.data * 2)
    torch.save(layer, buffer := io.BytesIO())
    buffer.seek(0)
    saved = torch.load(buffer, weights_only=False)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), saved):
        assert torch.equal(twin(X)[0], layer(X)[0])


@own_cell
def test_a_list_of_another_length_is_refused(name):
    layer = get_cell(name)(4, 8)
    with pytest.raises(ValueError, match="takes 4 weights .weight_ih_l0, .*, got 1"):
        layer._flat_weights = [layer.weight_ih_l0]
    weights = layer._flat_weights
    assert type(copy.deepcopy(weights)) is list
    with pytest.raises(ValueError, match="got 3"):
        weights[:] = list(weights)[:3]
