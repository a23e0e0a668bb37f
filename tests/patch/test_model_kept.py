"""swap_ keeps what hangs on a layer: hooks of every kind, marks, ties, references beside it."""

import collections

import pytest
import torch
from torch import nn

from rnnswap import JANET, CellSpec, SwapError, swap_
from rnnswap.discovery import installed
from rnnswap.patch import _optim
from rnnswap.registry import Entry, Provider

X = torch.randn(3, 2, 4, requires_grad=True)
Pair = collections.namedtuple("Pair", "rnn other")


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(4, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0])


def one_training_step(model):
    model.zero_grad()
    model(X).sum().backward()


def test_hooks_of_the_module_are_called_with_the_new_layer_and_undo_gives_them_back():
    model, calls = Model(), []
    lstm = model.rnn

    def note(kind):
        return lambda module, *_, **__: calls.append((kind, type(module).__name__))

    register = [
        lstm.register_forward_pre_hook,
        lstm.register_forward_hook,
        lstm.register_full_backward_pre_hook,
        lstm.register_full_backward_hook,
        lstm.register_state_dict_pre_hook,
        lstm.register_load_state_dict_pre_hook,
        lstm.register_load_state_dict_post_hook,
    ]
    handles = [hook(note(hook.__name__)) for hook in register]
    handles.append(lstm._register_state_dict_hook(note("_register_state_dict_hook")))

    def everything():
        calls.clear()
        one_training_step(model)
        model.load_state_dict(model.state_dict())
        return sorted(calls)

    before = everything()
    assert len({kind for kind, _ in before}) == len(handles)
    report = swap_(model)
    assert everything() == [(kind, "JANET") for kind, _ in before]
    report.undo()
    assert everything() == before
    report = swap_(model)
    for handle in handles:
        handle.remove()
    assert everything() == []


def test_hooks_of_the_parameters_act_on_their_namesakes():
    model, calls = Model(), []
    handle = model.rnn.weight_hh_l0.register_hook(lambda grad: grad.clamp(-1e-3, 1e-3))
    model.rnn.bias_ih_l0.register_post_accumulate_grad_hook(lambda p: calls.append(p))
    swap_(model)
    one_training_step(model)
    assert model.rnn.weight_hh_l0.grad.abs().max() == 1e-3
    assert calls == [model.rnn.bias_ih_l0]
    handle.remove()
    one_training_step(model)
    assert model.rnn.weight_hh_l0.grad.abs().max() > 1e-3


def test_hooks_that_a_cell_puts_on_itself_stay_and_leave_with_it():
    class Hooking(JANET):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.register_forward_hook(lambda *_: calls.append("own"))

    calls, model = [], Model()
    model.rnn.register_forward_hook(lambda *_: calls.append("user"))
    import rnnswap

    rnnswap.Hooking = Hooking
    spec = CellSpec(name="hooking", target="rnnswap:Hooking")
    installed().cells._entries["hooking"] = Entry("hooking", spec, Provider("acme", "1", "e"))
    try:
        report = swap_(model, "hooking")
    finally:
        del installed().cells._entries["hooking"], rnnswap.Hooking
    model(X)
    assert sorted(calls) == ["own", "user"]
    report.undo()
    model(X)
    assert sorted(calls) == ["own", "user", "user"]


def test_marks_on_parameters_and_tied_parameters_stay():
    model = Model()
    model.rnn.weight_ih_l0.no_weight_decay = True
    model.rnn.bias_hh_l0 = model.rnn.bias_ih_l0
    swap_(model)
    assert model.rnn.weight_ih_l0.no_weight_decay
    assert model.rnn.bias_hh_l0 is model.rnn.bias_ih_l0
    assert len(list(model.rnn.parameters())) == 3


def test_references_beside_the_children_are_replaced_and_put_back():
    model = Model()
    lstm = model.rnn
    model.plain = [lstm, 3]
    model.by_name = {"rnn": lstm, "nested": {"deep": [lstm]}}
    model.pair = Pair(lstm, "x")
    model.mixed = (lstm, [lstm], (3, (lstm,)))
    object.__setattr__(model, "hidden", lstm)
    pair = model.pair
    report = swap_(model)

    def references():
        return [
            model.plain[0],
            model.by_name["rnn"],
            model.by_name["nested"]["deep"][0],
            model.pair.rnn,
            model.mixed[0],
            model.mixed[1][0],
            model.mixed[2][1][0],
            model.__dict__["hidden"],
        ]

    assert all(found is model.rnn for found in references())
    assert type(model.rnn) is JANET
    assert type(model.pair) is Pair
    report.undo()
    assert all(found is lstm for found in references())
    assert model.pair is pair


def test_a_model_that_holds_itself_is_walked_once():
    model = Model()
    model.head.parent = model
    assert [(s.path, s.aliases) for s in swap_(model).swapped] == [("rnn", ())]


def test_undo_in_the_wrong_order_is_refused_and_changes_nothing():
    model = Model()
    lstm = model.rnn
    first = swap_(model)
    janet = model.rnn
    second = swap_(model, "indrnn", source="janet")
    with pytest.raises(SwapError, match="rnn was replaced again since this swap: undo that first"):
        first.undo()
    second.undo()
    assert model.rnn is janet
    first.undo()
    assert model.rnn is lstm
    report = swap_(model)
    del model.rnn
    with pytest.raises(SwapError, match="rnn was replaced again"):
        report.undo()


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("no memory left"), MemoryError(), AssertionError(), KeyError("k")],
    ids=repr,
)
def test_a_failure_while_building_names_the_layer_and_changes_nothing(monkeypatch, error):
    model = nn.ModuleDict({"a": Model(), "b": Model()})
    optimizer = torch.optim.Adam(model.parameters())
    modules, parameters = list(model.modules()), list(optimizer.param_groups[0]["params"])
    original = JANET.reset_parameters
    built = []

    def fail_on_the_second(self):
        built.append(self)
        if len(built) == 2:
            raise error
        original(self)

    monkeypatch.setattr(JANET, "reset_parameters", fail_on_the_second)
    words = str(error) or type(error).__name__
    with pytest.raises(SwapError, match=f"^b.rnn: LSTM.4, 6. cannot become 'janet': {words}"):
        swap_(model, optimizer=optimizer)
    assert all(a is b for a, b in zip(model.modules(), modules, strict=True))
    held = optimizer.param_groups[0]["params"]
    assert all(a is b for a, b in zip(held, parameters, strict=True))


@pytest.mark.parametrize("error", [RuntimeError("late"), KeyboardInterrupt()], ids=repr)
def test_a_failure_while_installing_puts_everything_back(monkeypatch, error):
    model, calls = Model(), []
    model.rnn.register_load_state_dict_pre_hook(lambda module, *_: calls.append(module))
    optimizers = [torch.optim.Adam(model.parameters()), torch.optim.SGD(model.parameters())]
    lstm, state = model.rnn, [list(o.param_groups[0]["params"]) for o in optimizers]

    def fail_on_the_second(optimizer, going):
        seen.append(optimizer)
        if len(seen) == 2:
            raise error
        return forget(optimizer, going)

    seen, forget = [], _optim._forget
    monkeypatch.setattr(_optim, "_forget", fail_on_the_second)
    with pytest.raises(type(error)):
        swap_(model, optimizer=optimizers)
    assert model.rnn is lstm
    for optimizer, params in zip(optimizers, state, strict=True):
        held = optimizer.param_groups[0]["params"]
        assert all(a is b for a, b in zip(held, params, strict=True))
    model.load_state_dict(model.state_dict())
    assert calls == [lstm]
