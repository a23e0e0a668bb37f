"""swap_: everything but the weights survives, and undo brings the very same objects back."""

import re

import pytest
import torch
from cases import CELLS
from torch import nn
from torch.nn.utils.prune import l1_unstructured

from rnnswap import (
    JANET,
    JANETCell,
    NoEffectWarning,
    OptionError,
    SwapError,
    UnknownNameError,
    UnsupportedError,
    swap_,
)
from rnnswap.discovery import get_cell, installed


class Model(nn.Module):
    """One LSTM under two names and in a list, one frozen in float64 with a hook, a subclass."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.LSTM(4, 6, 2, batch_first=True, dropout=0.25)
        self.alias = self.encoder
        self.stack = nn.ModuleList([nn.Linear(6, 6), self.encoder])
        self.exact = nn.LSTM(6, 5, bidirectional=True, proj_size=2, bias=False).double()
        self.exact.requires_grad_(False)
        self.special = SubLSTM(3, 3)
        self.single = nn.LSTMCell(3, 3)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        hidden, _ = self.alias(x)
        return self.head(self.exact(hidden.double())[0].float())


class SubLSTM(nn.LSTM):
    pass


def has_single_step(name):
    return installed().cells.get(name).spec.cell_target is not None


OTHERS = [name for name in CELLS if name != "lstm"]


@pytest.mark.parametrize("name", OTHERS)
def test_swaps_what_it_should_and_reports_what_it_left(name):
    model = Model()
    report = swap_(model, name)
    cls = get_cell(name)
    assert type(model.encoder) is cls
    assert model.encoder is model.alias is model.stack[1]
    assert type(model.exact) is cls
    assert type(model.special) is SubLSTM
    paths = [["encoder", "exact"], ["special"]]
    paths[has_single_step(name) ^ 1].append("single")
    assert [[s.path for s in report.swapped], [m.path for m in report.left]] == paths
    assert report.model is model
    assert model(torch.randn(3, 2, 4)).shape == (3, 2, 2)


@pytest.mark.parametrize("name", OTHERS)
def test_arguments_dtype_flags_and_hooks_survive(name):
    model = Model().eval()
    model.encoder.train()
    calls = []
    handle = model.encoder.register_forward_hook(lambda *_: calls.append(1))
    model.encoder.register_forward_pre_hook(lambda *_: calls.append(0))
    before = [repr(m).partition("(")[2] for m in (model.encoder, model.exact)]
    swap_(model, name)
    assert [repr(m).partition("(")[2] for m in (model.encoder, model.exact)] == before
    assert (model.encoder.training, model.exact.training) == (True, False)
    assert {p.dtype for p in model.exact.parameters()} == {torch.float64}
    assert not any(p.requires_grad for p in model.exact.parameters())
    assert all(p.requires_grad for p in model.encoder.parameters())
    model(torch.randn(3, 2, 4))
    assert calls == [0, 1]
    handle.remove()
    model(torch.randn(3, 2, 4))
    assert calls == [0, 1, 0], "the handle must still remove the hook it stands for"


def test_undo_brings_the_very_same_objects_back():
    model = Model()
    modules, parameters = list(model.modules()), list(model.parameters())
    x = torch.randn(3, 2, 4)
    expected = model.eval()(x)
    report = swap_(model, "janet")
    assert report.undo() is model
    assert all(a is b for a, b in zip(model.modules(), modules, strict=True))
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
    assert torch.equal(model(x), expected)
    assert report.undo() is model


def test_the_root_is_replaced_in_the_report():
    root = nn.LSTM(4, 6)
    report = swap_(root, "indrnn", options={"nonlinearity": "tanh"})
    assert type(report.model) is get_cell("indrnn")
    assert report.model.nonlinearity == "tanh"
    assert report.undo() is root


def test_there_and_back_has_nn_lstms_again():
    model = Model()
    swap_(model, "janet")
    report = swap_(model, "lstm", source="janet")
    assert [s.path for s in report.swapped] == ["encoder", "exact", "single"]
    assert type(model.encoder) is nn.LSTM
    assert type(model.single) is nn.LSTMCell


@pytest.mark.parametrize(
    ("where", "swapped"),
    [
        ("enc*", ["encoder"]),
        ("stack.1", ["encoder"]),
        (["exact", "nothing"], ["exact"]),
        (lambda name, module: name.startswith("ex"), ["exact"]),
    ],
    ids=["glob", "alias", "list", "predicate"],
)
def test_where_limits(where, swapped):
    assert [s.path for s in swap_(Model(), where=where).swapped] == swapped


def test_parameters_keep_their_order_in_the_model():
    names = [n for n, _ in Model().named_parameters()]
    model = Model()
    swap_(model, "janet")
    assert [n for n, _ in model.named_parameters()] == names


@pytest.mark.parametrize("cell", ["janet", "indrnn-v2"])
def test_optimizer_groups_and_their_order_survive(cell):
    model = Model()
    optimizer = torch.optim.Adam(
        [
            {"params": model.head.parameters(), "lr": 0.1},
            {"params": model.encoder.parameters(), "lr": 0.2},
        ]
    )
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    model(torch.randn(3, 2, 4)).sum().backward()
    optimizer.step()
    before = [list(g["params"]) for g in optimizer.param_groups]
    state = dict(optimizer.state)
    options = {"batch_norm": True} if cell == "indrnn-v2" else None
    report = swap_(model, cell, optimizer=optimizer, options=options)
    head, encoder = optimizer.param_groups
    assert [id(p) for p in head["params"]] == [id(p) for p in model.head.parameters()]
    assert [id(p) for p in encoder["params"]] == [id(p) for p in model.encoder.parameters()]
    assert set(optimizer.state) == set(model.head.parameters())
    old = model.encoder.weight_ih_l0.detach().clone()
    optimizer.zero_grad()
    model(torch.randn(3, 2, 4)).sum().backward()
    optimizer.step()
    schedule.step()
    assert not torch.equal(model.encoder.weight_ih_l0, old)
    report.undo()
    assert all(
        a is b
        for group, held in zip(optimizer.param_groups, before, strict=True)
        for a, b in zip(group["params"], held, strict=True)
    )
    assert dict(optimizer.state) == state


def test_an_optimizer_of_another_model_is_refused():
    model = Model()
    stranger = torch.optim.SGD(nn.Linear(2, 2).parameters())
    with pytest.raises(SwapError, match="holds no parameter of the layers to swap"):
        swap_(model, optimizer=stranger)
    with pytest.raises(SwapError, match="torch optimizers, got int"):
        swap_(model, optimizer=[torch.optim.SGD(model.parameters()), 3])
    assert type(model.encoder) is nn.LSTM
    both = [stranger, torch.optim.SGD(model.parameters())]
    assert swap_(model, optimizer=both).swapped


@pytest.mark.parametrize(
    ("model", "options", "error", "words"),
    [
        ("model", {}, SwapError, "takes a torch.nn.Module, got str"),
        (nn.LSTM, {}, SwapError, "takes a torch.nn.Module, got type"),
        (nn.LSTM(2, 2), {"cell": JANET}, OptionError, "named by a string, got"),
        (nn.LSTM(2, 2), {"optimizer": 3}, SwapError, "torch optimizers, got int"),
        (nn.LSTM(2, 2), {"where": 3}, OptionError, "where takes a glob"),
        (nn.LSTM(2, 2), {"options": ["beta"]}, OptionError, "options are a mapping"),
        (nn.LSTM(2, 2), {"cell": "lstm"}, OptionError, "cell and source are both 'lstm'"),
        (nn.LSTM(2, 2), {"weights": "copy"}, OptionError, "'fresh' or 'transfer', got 'copy'"),
        (
            JANET(2, 2),
            {"cell": "indrnn", "source": "janet", "weights": "transfer"},
            OptionError,
            "takes over nn.LSTM's weights, the source is JANET",
        ),
        (JANET(2, 2), {"cell": "lstm"}, OptionError, "there is janet: name it with source='janet'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(model, options, error, words):
    with pytest.raises(error, match=words):
        swap_(model, **options)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda m: setattr(m.encoder, "forward", m.encoder.forward), "forward was replaced"),
        (lambda m: setattr(m.exact, "weight_ih_l0", m.exact.weight_ih_l0_reverse), None),
        (lambda m: setattr(m, "twin", Twin(m.encoder)), "weight_ih_l0 is shared with another"),
        (lambda m: nn.utils.spectral_norm(m.encoder, "weight_hh_l0"), "computed from others"),
        (
            lambda m: nn.utils.parametrizations.weight_norm(m.encoder, "weight_hh_l0"),
            "weight_hh_l0 parametrized: remove the parametrization",
        ),
        (lambda m: l1_unstructured(m.encoder, "weight_hh_l0", 0.5), "undo that, swap, do it anew"),
    ],
    ids=["forward", "tied within", "tied to another", "spectral_norm", "parametrized", "pruned"],
)
def test_layers_that_would_lose_something_are_left_and_reported(spoil, reason):
    model = Model()
    spoil(model)
    report = swap_(model, "janet")
    left = {m.path: m.reason for m in report.left}
    if reason is None:
        assert "exact" not in left
    else:
        assert reason in left["encoder"]
        assert "encoder" not in [s.path for s in report.swapped]


@pytest.mark.parametrize("source", ["lstm", "janet"])
@pytest.mark.parametrize("bias", [True, False])
def test_single_step_cells_with_computed_weights_are_left(source, bias):
    kind = nn.LSTMCell if source == "lstm" else JANETCell
    model = nn.ModuleDict({"pruned": kind(3, 3, bias), "plain": kind(3, 3, bias)})
    l1_unstructured(model["pruned"], "weight_hh", 0.5)
    report = swap_(model, "janet" if source == "lstm" else "lstm", source=source)
    assert [s.path for s in report.swapped] == ["plain"]
    assert "weights are computed from others" in report.left[0].reason


class Twin(nn.Module):
    def __init__(self, lstm):
        super().__init__()
        self.weight = lstm.weight_ih_l0


def test_a_single_step_cell_that_cannot_honour_an_option_is_left_and_reported():
    model = Model()
    report = swap_(model, "janet", options={"layer_norm": True})
    assert [s.path for s in report.swapped] == ["encoder", "exact"]
    assert {m.path: m.reason for m in report.left}["single"] == (
        "JANETCell, its counterpart, has no option 'layer_norm'"
    )
    swap_(model, "janet", options={"t_max": 9})
    assert model.single.t_max == 9


@pytest.mark.parametrize("name", OTHERS)
def test_transferred_weights_are_those_of_from_lstm(name):
    model, original = Model(), Model()
    original.load_state_dict(model.state_dict())
    if not installed().cells.get(name).spec.transfers:
        with pytest.raises(UnsupportedError, match=f"{name}' takes over no weights .*: janet"):
            swap_(model, name, weights="transfer")
        assert type(model.encoder) is nn.LSTM
        return
    report = swap_(model, name, weights="transfer", options={"beta": 0.5})
    cls = get_cell(name)
    for path in ("encoder", "exact", "single"):
        before, after = getattr(original, path), getattr(model, path)
        expected = type(after).from_lstm(before)
        assert all(
            torch.equal(p, q)
            for p, q in zip(after.parameters(), expected.parameters(), strict=True)
        )
        assert after.beta == 0.5
    assert type(model.encoder) is cls
    assert model.encoder.dropout == 0.25
    assert not any(p.requires_grad for p in model.exact.parameters())
    assert report.swapped[0].transfer.copied == [n for n, _ in model.encoder.named_parameters()]
    assert "gates i, o" in str(report)


def test_attributes_that_the_user_put_on_a_layer_survive():
    model = Model()
    model.encoder.note = "kept"
    swap_(model, "janet")
    assert model.encoder.note == "kept"


def test_nothing_to_swap_warns():
    with pytest.warns(NoEffectWarning, match="no LSTM to swap was found in Linear"):
        report = swap_(nn.Linear(2, 2))
    assert (report.swapped, report.left) == ([], [])
    with pytest.warns(NoEffectWarning, match="where='dec.' takes none of the 3 .*: encoder, exact"):
        swap_(Model(), where="dec*")


def test_a_failure_changes_nothing_and_names_the_layer():
    model = Model()
    before = list(model.modules())
    with pytest.raises(SwapError, match="^encoder: .*'janet': t_max must be a number greater"):
        swap_(model, "janet", options={"t_max": 1})
    assert all(a is b for a, b in zip(model.modules(), before, strict=True))


def test_unknown_names_are_answered_with_the_near_one():
    with pytest.raises(UnknownNameError, match="did you mean 'janet'"):
        swap_(Model(), "jannet")


def test_attention_comes_with_it():
    model = Model()
    swap_(model, "janet", attention="soft", where="encoder")
    assert isinstance(model.encoder, JANET)
    assert type(model.encoder).__name__ == "JANETWithSoftAttention"
    assert model(torch.randn(3, 2, 4)).shape == (3, 2, 2)


def test_report_prints_a_table():
    lines = str(swap_(Model(), "indrnn-v2")).splitlines()
    assert lines[0] == "2 swapped, 2 left"
    assert [re.split(r"  +", line.strip()) for line in lines[1:]] == [
        ["swapped", "before", "after", "parameters"],
        [
            "encoder (also alias, stack.1)",
            "LSTM(4, 6, num_layers=2, batch_first=True, dropout=0.25)",
            "IndRNNv2(4, 6, num_layers=2, batch_first=True, dropout=0.25)",
            "624 -> 96",
        ],
        [
            "exact",
            "LSTM(6, 5, proj_size=2, bias=False, bidirectional=True)",
            "IndRNNv2(6, 5, proj_size=2, bias=False, bidirectional=True)",
            "340 -> 90",
        ],
        ["left", "module", "reason"],
        ["special", "SubLSTM(3, 3)", "subclass of LSTM: it may rely on what it overrides"],
        ["single", "LSTMCell(3, 3)", "cell 'indrnn-v2' has no counterpart of LSTMCell"],
    ]
