"""swap_ keeps what hangs on a layer: hooks of every kind, marks, ties, references beside it."""

import collections
import functools
import types

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


def test_hooks_of_a_frozen_parameter_stay_for_the_day_it_is_not():
    model, calls = Model(), []
    model.rnn.weight_hh_l0.register_hook(lambda grad: calls.append(1))
    model.rnn.requires_grad_(False)
    swap_(model)
    assert not any(p.requires_grad for p in model.rnn.parameters())
    model.rnn.requires_grad_(True)
    one_training_step(model)
    assert calls == [1]


def test_what_the_user_hung_on_a_layer_hangs_on_the_new_one():
    model = Model()
    lstm = model.rnn
    lstm.h0 = nn.Parameter(torch.ones(1, 1, 6))
    lstm.register_buffer("kept", torch.ones(2))
    lstm.register_buffer("passing", torch.ones(2), persistent=False)
    lstm.inner = nn.LSTM(3, 3)
    lstm._private, lstm.nothing = [lstm], None
    lstm.register_parameter("void", None)
    names = set(model.state_dict())
    optimizer = torch.optim.Adam(model.parameters())
    h0, inner, belongings = lstm.h0, lstm.inner, ("h0", "kept", "passing", "_private", "void")
    optimizer.state[h0] = {"step": torch.ones(())}
    report = swap_(model, optimizer=optimizer)
    assert type(model.rnn) is type(model.rnn.inner) is JANET
    assert all(getattr(model.rnn, name) is getattr(lstm, name) for name in belongings)
    assert model.rnn._private == [model.rnn]
    assert set(model.state_dict()) == names
    assert set(optimizer.state) == {h0}
    held = {id(p) for p in optimizer.param_groups[0]["params"]}
    assert held == {id(p) for p in model.parameters()}
    report.undo()
    assert model.rnn is lstm
    assert lstm.inner is inner
    assert lstm._private == [lstm]
    assert set(optimizer.state) == {h0}


def test_a_belonging_whose_name_the_cell_has_itself_is_refused():
    model = Model()
    lstm = model.rnn
    lstm.register_buffer("gain_ih_l0", torch.ones(2))
    with pytest.raises(SwapError, match="^rnn: .*'gain_ih_l0' already exists"):
        swap_(model, options={"layer_norm": True})
    assert model.rnn is lstm


def test_the_options_of_a_cell_do_not_stick_to_what_replaces_it():
    model = Model()
    swap_(model, weights="transfer", options={"beta": 0.5})
    report = swap_(model, "lstm", source="janet")
    assert report.swapped[0].transfer is None
    assert "transferred" not in str(report)
    assert vars(model.rnn).keys() == vars(nn.LSTM(4, 6)).keys()
    model = nn.Sequential(nn.LSTM(4, 6, 2))
    swap_(model, "indrnn-v2", options={"batch_norm": True})
    swap_(model, "lstm", source="indrnn-v2")
    assert model.state_dict().keys() == nn.Sequential(nn.LSTM(4, 6, 2)).state_dict().keys()


def test_shared_memory_and_inference_mode():
    model = Model().share_memory()
    with torch.inference_mode():
        swap_(model)
    assert all(p.is_shared() for p in model.parameters())
    one_training_step(model)


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


def test_parameters_methods_and_more_kinds_of_containers():
    model = Model()
    lstm = model.rnn
    model.penalised = [lstm.weight_hh_l0, model.head.weight]
    model.kinds = {frozenset({lstm}), 3}
    model.queue = collections.deque([lstm])
    model.run = lstm.forward
    model.call = functools.partial(max, lstm, key=(lstm.flatten_parameters, 3))
    before = dict(vars(model))
    report = swap_(model)
    assert model.penalised == [model.rnn.weight_hh_l0, model.head.weight]
    assert model.kinds == {frozenset({model.rnn}), 3}
    assert model.queue[0] is model.rnn
    assert model.run.__self__ is model.rnn
    assert model.call.args == (model.rnn,)
    assert model.call.keywords == {"key": (model.rnn.flatten_parameters, 3)}
    report.undo()
    assert all(vars(model)[name] is value for name, value in before.items())
    assert model.penalised[0] is lstm.weight_hh_l0
    assert model.queue[0] is lstm


def test_a_kept_method_that_the_cell_has_not_is_refused():
    model = Model()
    lstm = model.rnn
    lstm.own = types.MethodType(lambda self: None, lstm)
    model.call = lstm.own
    with pytest.raises(SwapError, match="^rnn: its method is referred to, but 'JANET' .*<lambda>"):
        swap_(model)
    assert model.rnn is lstm
    assert model.call is lstm.own


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
