"""load_state_dict_: an LSTM model's checkpoint in the swapped model, nothing lost in silence."""

import pytest
import torch
from cases import OWN_CELLS
from torch import nn

from rnnswap import (
    JANET,
    CellSpec,
    IndRNN,
    JANETCell,
    NoEffectWarning,
    RecurrentLayer,
    SwapError,
    load_state_dict_,
    patched,
    swap_,
)
from rnnswap.discovery import get_cell, installed
from rnnswap.registry import Entry, Provider

H = 6


class Model(nn.Module):
    def __init__(self, **arguments):
        super().__init__()
        self.embed = nn.Embedding(9, 4)
        self.rnn = nn.LSTM(4, H, **arguments)
        self.alias = self.rnn
        self.norm = nn.BatchNorm1d(H)
        self.single = nn.LSTMCell(H, H)


class Minimal(RecurrentLayer):
    """A stranger's cell with a from_lstm that says nothing."""

    gates = 1

    def step(self, gates_x, state, weights):
        return (torch.tanh(gates_x),)

    @classmethod
    def from_lstm(cls, lstm):
        made = cls(lstm.input_size, lstm.hidden_size)
        with torch.no_grad():
            for p in made.parameters():
                p.fill_(7.0)
        return made


class FourGates(RecurrentLayer):
    """Sizes are nn.LSTM's."""

    gates = 4

    def step(self, gates_x, state, weights):
        return (gates_x[:, : self.hidden_size],)


def swapped(cell, options=None, **arguments):
    model = Model(**arguments)
    swap_(model, cell, options=options)
    return model


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize(
    "arguments", [{}, {"num_layers": 2, "bidirectional": True, "proj_size": 2}], ids=str
)
def test_janet_gets_what_from_lstm_gives(arguments, metadata):
    source, model = Model(**arguments), swapped("janet", {"layer_norm": True}, **arguments)
    model.single = JANETCell(H, H)  # takes no layer_norm
    before = state(model)
    checkpoint = source.state_dict() if metadata else dict(source.state_dict())
    report = load_state_dict_(model, checkpoint)
    expected = JANET.from_lstm(source.rnn, layer_norm=True).state_dict()
    for name, value in model.rnn.state_dict().items():
        fresh = name.startswith("gain")
        assert torch.equal(value, before[f"rnn.{name}"] if fresh else expected[name]), name
        assert (f"rnn.{name}" in report.fresh) == fresh
        kept = name.startswith("weight_hr")
        assert (f"rnn.{name}" in report.derived) == (not fresh and not kept)
        assert (f"alias.{name}" in report.copied) == kept
    assert torch.equal(model.embed.weight, source.embed.weight)
    assert {"embed.weight", "norm.running_mean", "norm.num_batches_tracked"} <= set(report.copied)
    assert report.derived["rnn.weight_ih_l0"] == "all but the rows of gates i, o"
    assert report.dropped["single.weight_ih"] == "rows of gates i, o"
    assert torch.equal(model.single.weight_hh[:H], source.single.weight_hh[2 * H : 3 * H])


@pytest.mark.parametrize("cell", OWN_CELLS)
def test_every_name_of_the_checkpoint_and_of_the_model_is_accounted_for(cell):
    source, model = Model(), swapped(cell)
    before = state(model)
    report = load_state_dict_(model, source.state_dict())
    used = {*report.copied, *report.derived, *report.dropped}
    assert used == set(source.state_dict())
    assert {*report.copied, *report.derived, *report.fresh} == set(model.state_dict())
    after = model.state_dict()
    assert all(torch.equal(after[n], source.state_dict()[n]) for n in report.copied)
    assert all(torch.equal(after[n], before[n]) for n in report.fresh)
    if not installed().cells.get(cell).spec.transfers:
        assert report.dropped["rnn.weight_ih_l0"] == (
            f"{get_cell(cell).__name__} takes over nothing of it"
        )
        assert not report.derived


@pytest.mark.parametrize("cell", OWN_CELLS)
def test_a_checkpoint_of_the_swapped_model_loads_as_it_is(cell):
    source, model = swapped(cell), swapped(cell)
    report = load_state_dict_(model, source.state_dict())
    assert report.copied == list(source.state_dict())
    assert [report.derived, report.dropped, report.fresh] == [{}, {}, []]
    for name, value in source.state_dict().items():
        assert torch.equal(model.state_dict()[name], value)


def test_the_report_prints_what_happened():
    lines = str(load_state_dict_(swapped("indrnn"), Model().state_dict())).splitlines()
    assert lines[0] == "6 copied, 0 derived, 12 dropped, 12 fresh"
    assert "  dropped  rnn.weight_ih_l0: IndRNN takes over nothing of it" in lines
    assert "  fresh    single.bias_hh" in lines
    assert len(lines) == 25


def test_a_cell_itself_and_attention_over_it():
    lstm = nn.LSTM(4, H)
    layer = swap_(nn.LSTM(4, H), attention="soft").model
    report = load_state_dict_(layer, lstm.state_dict())
    assert torch.equal(layer.weight_ih_l0[:H], lstm.weight_ih_l0[2 * H : 3 * H])
    assert all(name.startswith("_attention.") for name in report.fresh)
    attentive = swap_(nn.LSTM(4, H), "lstm", attention="soft").model
    report = load_state_dict_(layer, attentive.state_dict())
    assert report.fresh == []
    combine = "_attention.combine.weight"
    assert torch.equal(layer.state_dict()[combine], attentive.state_dict()[combine])


def test_strangers_cells():
    model = nn.ModuleDict({"a": Minimal(4, H), "b": FourGates(4, H), "c": FourGates(4, H)})
    source = nn.ModuleDict({name: nn.LSTM(4, H) for name in model})
    report = load_state_dict_(model, source.state_dict())
    assert report.derived["a.weight_ih_l0"] == "by Minimal.from_lstm"
    assert model["a"].bias_hh_l0.eq(7).all()
    assert report.dropped["b.weight_ih_l0"] == "FourGates takes over nothing of it"
    # Without metadata nobody can tell whose they are; the sizes are the cell's own.
    report = load_state_dict_(
        nn.ModuleDict({"b": FourGates(4, H)}),
        dict(nn.ModuleDict({"b": nn.LSTM(4, H)}).state_dict()),
    )
    assert "b.weight_ih_l0" in report.copied


def test_a_registered_cell_that_is_no_recurrent_layer():
    class Foreign(nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, 1
            self.own = nn.Linear(input_size, hidden_size)

    Foreign.__module__, Foreign.__qualname__ = "acme", "Foreign"
    spec = CellSpec(name="foreign", target="acme:Foreign")
    installed().cells._entries["foreign"] = Entry("foreign", spec, Provider("acme", "1", "e"))
    try:
        source = nn.Sequential(nn.LSTM(4, H), nn.Linear(2, 2))
        report = load_state_dict_(nn.Sequential(Foreign(4, H), source[1]), source.state_dict())
    finally:
        del installed().cells._entries["foreign"]
    assert report.fresh == ["0.own.weight", "0.own.bias"]
    assert list(report.dropped) == [f"0.{name}" for name in nn.LSTM(4, H).state_dict()]


def without(name):
    return lambda state: {k: v for k, v in state.items() if k != name}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without("embed.weight"), "Missing key.*embed.weight"),
        (without("rnn.bias_hh_l0"), "has an nn.LSTM's weights, but no rnn.bias_hh_l0"),
        (
            lambda s: {**s, "rnn.bias_hh_l0": torch.ones(3)},
            r"rnn.bias_hh_l0 in the checkpoint has shape .3,., an nn.LSTM there has .24,.",
        ),
        (
            lambda s: {n: v.numpy() for n, v in s.items()},
            "rnn.weight_ih_l0 in the checkpoint is no floating-point tensor but ndarray",
        ),
        (lambda s: {n: v.long() for n, v in s.items()}, "no floating-point tensor but torch.int64"),
        (lambda s: {**s, "more": torch.ones(1)}, "Unexpected key.*more"),
        (lambda s: {**s, "embed.weight": torch.ones(3, 4)}, "size mismatch for embed.weight"),
        (lambda s: Model(num_layers=2).state_dict(), "Unexpected key.*rnn.weight_ih_l1"),
        (lambda s: nn.DataParallel(Model()).state_dict(), "begin with 'module.'.*take it off"),
        (lambda s: {"state_dict": s, "epoch": 3}, "holds 'state_dict' instead of tensors"),
        (lambda s: "lstm.pt", "is no state dict but str; load the file with torch.load first"),
        (lambda s: None, "is no state dict but NoneType"),
        (lambda s: {1: torch.ones(1)}, "keys are no names of parameters: 1"),
        (lambda s: {}, "Missing key"),
    ],
    ids=range(14),
)
def test_what_does_not_fit_is_refused_and_changes_nothing(spoil, words):
    model = swapped("janet")
    before = state(model)
    with pytest.raises(SwapError, match=f"(?s){words}"):
        load_state_dict_(model, spoil(Model().state_dict()))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_not_strict_reports_both_kinds_of_difference():
    checkpoint = {**Model().state_dict(), "more": torch.ones(1)}
    del checkpoint["norm.weight"]
    report = load_state_dict_(swapped("janet"), checkpoint, strict=False)
    assert report.dropped["more"] == "the model has no such name"
    assert report.fresh == ["norm.weight"]


PARTS = {
    "one direction": ({"bidirectional": True}, lambda: Model().state_dict()),
    "fewer layers": ({"num_layers": 3}, lambda: Model(num_layers=2).state_dict()),
    "more layers": ({}, lambda: Model(num_layers=2, bidirectional=True).state_dict()),
    "no biases": ({}, lambda: Model(bias=False).state_dict()),
    "biases": ({"bias": False}, lambda: Model().state_dict()),
    "weight drop": ({}, lambda: renamed("rnn.weight_hh_l0")),
    "all dropped": ({}, lambda: renamed("rnn.weight_ih_l0", "rnn.weight_hh_l0")),
    "a step's": ({}, lambda: renamed("single.weight_ih", "single.bias_hh")),
}


def renamed(*names):
    names += tuple(name.replace("rnn.", "alias.") for name in names)
    return {f"{n}_raw" if n in names else n: v for n, v in Model().state_dict().items()}


@pytest.mark.parametrize("cell", OWN_CELLS)
@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_an_lstm_is_loaded_as_far_as_it_goes(cell, part):
    arguments, make = PARTS[part]
    model, checkpoint = swapped(cell, **arguments), make()
    before, whole = state(model), Model(**arguments)
    report = load_state_dict_(model, checkpoint, strict=False)
    incompatible = whole.load_state_dict(checkpoint, strict=False)
    assert set(incompatible.missing_keys) & before.keys() <= {*report.fresh}
    for name in incompatible.unexpected_keys:
        assert report.dropped[name] == "the model has no such name"
    assert {*report.copied, *report.derived, *report.fresh} == model.state_dict().keys()
    accounted = {*report.copied, *report.derived, *report.dropped}
    assert accounted >= checkpoint.keys()
    for name, value in model.state_dict().items():
        if name in report.fresh:
            assert torch.equal(value, before[name]), name
        else:
            assert name in checkpoint
    if cell == "janet":
        expected = JANET.from_lstm(whole.rnn).state_dict()
        for name in report.derived:
            layer, _, key = name.partition(".")
            if layer == "rnn":
                assert torch.equal(model.state_dict()[name], expected[key]), name


def test_what_is_lacking_is_refused_if_all_is_asked_for():
    for names in ("weight_ih_l0", "weight_hh_l0"), ("weight_ih_l0",), ("bias_hh_l0",):
        checkpoint = renamed(*(f"rnn.{name}" for name in names))
        with pytest.raises(SwapError, match=f"has an nn.LSTM's weights, but no rnn.{names[0]}"):
            load_state_dict_(swapped("janet"), checkpoint)


def test_a_checkpoint_of_which_nothing_is_loaded_is_warned_of():
    model, checkpoint = swapped("janet"), nn.DataParallel(Model()).state_dict()
    with pytest.warns(NoEffectWarning, match="(?s)nothing .* begin with 'module.'"):
        report = load_state_dict_(model, checkpoint, strict=False)
    assert set(report.dropped) == set(checkpoint)
    with pytest.warns(NoEffectWarning, match="nothing of the checkpoint was loaded$"):
        load_state_dict_(swapped("indrnn"), {}, strict=False)


def test_a_parametrized_weight_is_not_said_to_be_derived():
    model = nn.Sequential(JANET(4, H))
    nn.utils.parametrizations.weight_norm(model[0], "weight_hh_l0")
    report = load_state_dict_(model, nn.Sequential(nn.LSTM(4, H)).state_dict())
    assert report.dropped["0.weight_hh_l0"] == "the layer keeps no parameter weight_hh_l0"
    assert "0.weight_hh_l0" not in report.derived
    assert len(report.fresh) == 2


def test_under_an_active_patch_an_lstm_is_still_an_lstm():
    model, checkpoint = swapped("janet"), Model().state_dict()
    with patched("janet"):
        assert load_state_dict_(model, checkpoint).derived
        swap_(model, "lstm", source="janet")
    assert type(model.rnn) is nn.LSTM


def test_models_that_cannot_be_loaded_into_are_refused():
    with pytest.raises(SwapError, match="embed.weight is on the meta device: .*to_empty"):
        load_state_dict_(swapped("janet").to("meta"), Model().state_dict())
    with pytest.raises(SwapError, match="takes a torch.nn.Module, got dict"):
        load_state_dict_({}, {})
    wrapped = nn.DataParallel(swapped("janet"))
    with pytest.raises(SwapError, match="model's names begin with 'module.'.*load into model.mod"):
        load_state_dict_(wrapped, Model().state_dict())
    load_state_dict_(wrapped, nn.DataParallel(Model()).state_dict())


def test_other_cells_checkpoints_are_not_mistaken_for_an_lstms():
    model = nn.Sequential(IndRNN(4, H))
    with pytest.raises(SwapError, match="0 is of cell IndRNN, .* weights of cell JANET there"):
        load_state_dict_(model, nn.Sequential(JANET(4, H)).state_dict())


def test_lazy_modules_and_frozen_dtypes():
    model = nn.Sequential(nn.LazyLinear(4), nn.LSTM(4, H).half())
    swap_(model, "janet")
    source = nn.Sequential(nn.Linear(3, 4), nn.LSTM(4, H))
    load_state_dict_(model, source.state_dict())
    assert torch.equal(model[0].weight, source[0].weight)
    assert model[1].weight_ih_l0.dtype == torch.half
    assert torch.equal(model[1].weight_ih_l0[:H], source[1].weight_ih_l0[2 * H : 3 * H].half())
