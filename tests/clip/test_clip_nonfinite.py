"""Gradients that are infinite or NaN: counted, named; warned of, raised or skipped."""

import math

import pytest
import torch
from policies import POLICIES
from torch import nn

from rnnswap.clip import _gradients, _nonfinite, attach, install
from rnnswap.errors import ClipError


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(2, 3)
        self.head = nn.Linear(3, 1)


def give_gradients(model, bad=None, at="rnn.weight_hh_l0"):
    for name, parameter in model.named_parameters():
        parameter.grad = torch.full_like(parameter, 0.1)
        if bad is not None and name == at:
            parameter.grad.view(-1)[-1] = bad


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def optimizer(model):
    return torch.optim.SGD(model.parameters(), lr=1.0)


@pytest.mark.parametrize(
    ("bad", "measure"), [(math.inf, True), (-math.inf, False), (math.nan, False)]
)
@pytest.mark.parametrize("policy", POLICIES.values())
def test_skip_leaves_the_step_out_counts_and_names(model, optimizer, policy, bad, measure):
    before = [p.detach().clone() for p in model.parameters()]
    with attach(policy, optimizer, on_nonfinite="skip", measure=measure) as handle:
        give_gradients(model)
        optimizer.step()
        moved = [p.detach().clone() for p in model.parameters()]
        give_gradients(model, bad)
        words = (
            r"gradients of rnn.weight_hh_l0 are not finite at step 2 of SGD \(1 of 6 parameters\); "
            "the step was left out"
        )
        with pytest.warns(UserWarning, match=words):
            optimizer.step()
        assert handle.nonfinite == 1
        assert handle.nonfinite_names == ["rnn.weight_hh_l0"]
    for was, now, parameter in zip(before, moved, model.parameters(), strict=True):
        assert not torch.equal(was, now)
        assert torch.equal(now, parameter)
        assert parameter.grad is None


@pytest.mark.parametrize("policy", POLICIES.values())
def test_raise_says_which_and_leaves_the_weights(model, optimizer, policy):
    before = [p.detach().clone() for p in model.parameters()]
    with attach(policy, optimizer, on_nonfinite="raise") as handle:
        give_gradients(model, math.nan, at="head.bias")
        with pytest.raises(ClipError, match=r"gradients of head.bias are not .* was not made"):
            optimizer.step()
    assert handle.nonfinite == 1
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_warn_makes_the_step_and_does_not_drown_a_lost_run(model, optimizer, recwarn):
    with install("value:1.0") as handle:
        for _ in range(30):
            give_gradients(model, math.inf)
            optimizer.step()
    assert handle.nonfinite == 30
    told = [str(w.message) for w in recwarn]
    assert [text.count("steps so far") for text in told] == [0, 1, 1, 1, 1]
    assert "at step 1 of SGD (1 of 6 parameters); the step was made all the same" in told[0]
    assert "at step 20 of SGD" in told[-1]
    assert told[-1].endswith("(20 steps so far)")
    assert {w.filename for w in recwarn} == {__file__}


def test_all_are_named_while_they_are_few(model, optimizer):
    with attach("norm:1.0", optimizer):
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, math.nan)
        words = "of rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0 and 3 more are"
        with pytest.warns(UserWarning, match=words):
            optimizer.step()


def test_skip_inside_a_closure_stops_lbfgs(model):
    optimizer = torch.optim.LBFGS(model.parameters(), lr=1.0)
    before = [p.detach().clone() for p in model.parameters()]

    def closure():
        give_gradients(model, math.nan)
        return torch.tensor(math.nan)

    with (
        attach("norm:1.0", optimizer, on_nonfinite="skip") as handle,
        pytest.warns(UserWarning, match="left out"),
    ):
        optimizer.step(closure)
    assert handle.nonfinite > 0
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


class Event:
    """Arrives when the test says so."""

    arrived = False

    def query(self):
        return self.arrived

    def synchronize(self):
        self.arrived = True


def test_warn_reads_what_another_device_computes_when_it_has_arrived(model, optimizer, monkeypatch):
    events = []

    def on_the_way(look):
        events.append(Event())
        fields = (getattr(look, name) for name in look.__slots__)
        return type(look)(*[*fields][:-1], events[-1])

    monkeypatch.setattr(_gradients, "can_be_asked", lambda _: False)
    monkeypatch.setattr(_nonfinite, "_on_the_way", on_the_way)
    with attach("norm:1.0", optimizer) as handle:
        give_gradients(model, math.nan)
        optimizer.step()
        give_gradients(model)
        optimizer.step()
        events[0].arrived = True
        give_gradients(model)
        with pytest.warns(UserWarning, match="weight_hh_l0 are not finite at step 1 of SGD"):
            optimizer.step()
        give_gradients(model, math.inf)
        optimizer.step()
        assert not events[-1].arrived
        with pytest.warns(UserWarning, match="at step 4 of SGD"):
            assert handle.nonfinite == 2


def test_detaching_tells_what_was_still_on_the_way(model, optimizer, monkeypatch):
    monkeypatch.setattr(_gradients, "can_be_asked", lambda _: False)
    monkeypatch.setattr(
        _nonfinite,
        "_on_the_way",
        lambda look: type(look)(*[getattr(look, n) for n in look.__slots__][:-1], Event()),
    )
    handle = attach("norm:1.0", optimizer)
    give_gradients(model, math.nan)
    optimizer.step()
    with pytest.warns(UserWarning, match="at step 1 of SGD"):
        handle.detach()


def test_parameters_in_no_module_are_named_by_shape():
    parameter = nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1)), parameter], lr=1.0)
    parameter.grad = torch.tensor([1.0, math.nan])
    with (
        attach("norm:1.0", optimizer),
        pytest.warns(UserWarning, match=r"gradients of a parameter of shape \(2,\) are not"),
    ):
        optimizer.step()


def test_unknown_way_is_refused(optimizer):
    with pytest.raises(ClipError, match="on_nonfinite is one of warn, raise, skip, got 'ignore'"):
        attach("norm:1.0", optimizer, on_nonfinite="ignore")
    assert not optimizer._optimizer_step_pre_hooks
