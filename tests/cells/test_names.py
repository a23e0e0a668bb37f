"""Names that users put on a layer are theirs, whatever a cell calls its own."""

import pytest
import torch
from torch import nn

from rnnswap import IndRNN, IndRNNCell, IndRNNv2, JANETCell, swap_, with_attention
from rnnswap.cells._layer import RecurrentLayer
from rnnswap.discovery import get_cell, list_cells
from rnnswap.patch.source import taken
from rnnswap.yielding import yields

OWN = ("janet", "indrnn", "indrnn-v2")
CLASSES = [*map(get_cell, OWN), with_attention(get_cell("janet"), "soft")]
X = torch.linspace(-1, 1, 24).view(3, 2, 4)


def own_names(kind, base=nn.LSTM):
    """The names that a cell's class and its layers have, and nn.LSTM's do not."""
    layer = kind(4, 8)
    added = {*vars(layer), *layer._modules} - vars(base(4, 8)).keys()
    return {n for n in {*dir(kind), *added} if not hasattr(base, n) and not n.startswith("__")}


def public(kind):
    return sorted(n for n in own_names(kind) if not n.startswith("_"))


@pytest.mark.parametrize("kind", CLASSES)
def test_an_attribute_of_the_users_wins_and_changes_nothing(kind):
    names = public(kind)
    assert {"output_size", "num_directions", "gates", "states", "step", "zoneout"} <= {*names}
    for name in names:
        layer = kind(4, 8, bidirectional=True)
        expected = layer(X)[0]
        setattr(layer, name, "mine")
        assert getattr(layer, name) == "mine"
        assert torch.equal(layer(X)[0], expected), name
        assert torch.equal(kind.forward(layer, X, None)[0], expected), name


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("how", ["module", "parameter", "buffer", "add_module", "register"])
def test_what_yields_can_be_registered(kind, how):
    for name in (n for n in public(kind) if yields(kind, n)):
        layer = kind(4, 8)
        expected = layer(X)[0]
        if how in ("module", "add_module"):
            mine = nn.Linear(2, 2)
            layer.add_module(name, mine) if how == "add_module" else setattr(layer, name, mine)
        elif how == "buffer":
            mine = torch.ones(2)
            layer.register_buffer(name, mine, persistent=False)
        else:
            mine = nn.Parameter(torch.ones(2))
            if how == "register":
                layer.register_parameter(name, mine)
            else:
                setattr(layer, name, mine)
        assert getattr(layer, name) is mine
        assert torch.equal(layer(X)[0], expected), name


def test_what_cannot_be_registered_leaves_no_trace():
    layer = IndRNN(4, 8)
    with pytest.raises(TypeError):
        layer.register_buffer("zoneout", "no tensor")
    with pytest.raises(KeyError):
        layer.register_buffer("bidirectional", None)
    layer.register_buffer("zoneout", torch.ones(1))
    with pytest.raises(KeyError):
        layer.register_parameter("zoneout", None)
    assert layer.zoneout is layer._buffers["zoneout"]
    assert layer._parameters.keys() == IndRNN(4, 8)._parameters.keys()


@pytest.mark.parametrize("name", OWN)
def test_swap_carries_what_the_user_put_on_the_layer(name):
    names = [*public(get_cell(name)), "mine"]
    names.remove("transfer_report") if "transfer_report" in names else None
    layer = nn.LSTM(4, 8)
    for own in names:
        setattr(layer, own, (own,))
    model = nn.ModuleList([layer])
    report = swap_(model, name)
    assert not report.notes
    assert {n: getattr(model[0], n) for n in names} == {n: (n,) for n in names}
    plain = get_cell(name)(4, 8)
    plain.load_state_dict(model[0].state_dict())
    assert torch.equal(model[0](X)[0], plain(X)[0])
    swap_(model, "lstm", source=name)
    assert {n: getattr(model[0], n) for n in names} == {n: (n,) for n in names}
    assert type(model[0]) is nn.LSTM


def test_what_cannot_be_carried_is_in_the_report():
    layer = nn.LSTM(4, 8)
    layer._weights, layer.flatten_parameters = [], lambda: None
    report = swap_(nn.ModuleList([layer]))
    note = "0: JANET has its own _weights, flatten_parameters, the layer's is not kept"
    assert report.notes == [note]
    assert note in str(report)


def test_options_are_read_by_their_names():
    layer = IndRNNv2(4, 8, recurrent_max=1.5, residual=True, zoneout=0.25, bidirectional=True)
    assert (layer.recurrent_max, layer.residual, layer.zoneout) == (1.5, True, 0.25)
    assert (layer.num_directions, layer.output_size, layer.gates, IndRNNv2.gates) == (2, 8, 1, 1)
    layer.zoneout = 0.9
    assert repr(layer).endswith("zoneout=0.25, recurrent_max=1.5, residual=True)")


def test_patch_knows_every_name_that_the_cells_use():
    names = set()
    for kind in CLASSES:
        names |= {n for n in own_names(kind) if not yields(kind, n)}
    for kind in (JANETCell, IndRNNCell):
        names |= {n for n in own_names(kind, nn.LSTMCell) if not yields(kind, n)}
    left_anyway = {"_flat_weights", "_flat_weights_names", "_flat_weight_refs"}
    assert names - left_anyway == taken.EVERYWHERE


@pytest.mark.parametrize("name", [n for n in list_cells() if n != "lstm"])
def test_sizes_can_be_assigned_on_every_cell(name):
    layer = get_cell(name)(4, 8)
    if not isinstance(layer, RecurrentLayer):
        pytest.skip("no layer of this library")
    expected = layer(X)[0]
    layer.output_size, layer.num_directions = 16, 7
    assert (layer.output_size, layer.num_directions) == (16, 7)
    assert torch.equal(layer(X)[0], expected)
