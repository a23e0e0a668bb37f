"""Other policies for parameters whose names match a pattern."""

import copy
import pickle

import pytest
import torch
from torch import nn

from rnnswap.clip import ByNameClip, HookClip, NoClip, NormClip, RangeClip, attach, install, parse
from rnnswap.clip._names import names_of
from rnnswap.errors import ClipError

RULES = "norm:1.0;rnn.weight_hh*=-0.1,1.0;head.*=none"


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(2, 3)
        self.head = nn.Linear(3, 1)


@pytest.fixture
def model():
    return Model()


def give_gradients(model, value=3.0):
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, value)


def check(model):
    grads = {name: p.grad for name, p in model.named_parameters()}
    assert grads["rnn.weight_hh_l0"].unique().tolist() == [1.0]
    assert grads["head.weight"].unique().tolist() == [3.0]
    rest = [g for name, g in grads.items() if "hh_l0" not in name or "bias" in name]
    rest = [g for g in rest if g is not grads["head.weight"] and g is not grads["head.bias"]]
    assert torch.cat([g.flatten() for g in rest]).norm().item() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("measure", [True, False])
def test_each_parameter_is_clipped_by_its_rule(model, measure):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    before = sum(9.0 * p.numel() for p in model.parameters()) ** 0.5
    with attach(RULES, optimizer, measure=measure) as handle:
        give_gradients(model)
        optimizer.step()
        check(model)
        if measure:
            after = torch.cat([p.grad.flatten() for p in model.parameters()])
            assert handle.last.norm_before.item() == pytest.approx(before)
            assert handle.last.norm_after.item() == pytest.approx(after.norm().item())
            left = sum(p.numel() for p in model.head.parameters()) / after.numel()
            assert handle.last.share.item() == pytest.approx(1 - left)


def test_first_rule_that_matches_holds(model):
    policy = ByNameClip(NoClip(), {"rnn.*": RangeClip(-1, 1), "*.bias*": RangeClip(-2, 2)})
    with attach(policy, torch.optim.SGD(model.parameters(), lr=0.0)):
        give_gradients(model)
        policy.clip_(list(model.parameters()))
    assert model.rnn.bias_hh_l0.grad.unique().tolist() == [1.0]
    assert model.head.bias.grad.unique().tolist() == [2.0]
    assert model.head.weight.grad.unique().tolist() == [3.0]


def test_installed_rules_find_the_names_of_models_made_later():
    with install(RULES):
        model = Model()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        give_gradients(model)
        optimizer.step()
    check(model)


def test_hook_rule_hooks_its_own_parameters_alone(model):
    with install("none;rnn.weight_hh*=hook:-0.1,1.0"):
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        assert model.rnn.weight_hh_l0._backward_hooks
        assert not model.rnn.weight_ih_l0._backward_hooks
        sum(3.0 * p.sum() for p in model.parameters()).backward()
        assert model.rnn.weight_hh_l0.grad.unique().tolist() == [1.0]
        assert model.rnn.weight_ih_l0.grad.unique().tolist() == [3.0]
        optimizer.step()
    assert not model.rnn.weight_hh_l0._backward_hooks


def test_names_given_by_the_optimizer_or_the_model_hold():
    loose = nn.ParameterDict({"a": nn.Parameter(torch.zeros(2)), "b": nn.Parameter(torch.zeros(2))})
    named = [("left", loose["a"]), ("right", loose["b"])]
    optimizer = torch.optim.SGD(named, lr=1.0)
    with attach("none;left=-1,1", optimizer):
        give_gradients(loose)
        optimizer.step()
    assert loose["a"].tolist() == [-1, -1]
    assert loose["b"].tolist() == [-3, -3]


def test_pattern_that_matches_nothing_is_an_error_that_names_the_nearest(model):
    optimizer = torch.optim.SGD(model.parameters())
    words = r"'rnn.weigth_hh\*' matches none of the 6 parameters' names \(nearest: rnn.weight_hh_l0"
    with pytest.raises(ClipError, match=words):
        attach("norm:1;rnn.weigth_hh*=-1,1", optimizer)
    assert not optimizer._optimizer_step_pre_hooks


def test_installed_pattern_that_matches_nothing_is_told_at_the_first_step(model):
    with install("norm:1;encoder.*=-1,1"):
        optimizer = torch.optim.SGD(model.parameters())
        give_gradients(model)
        with pytest.warns(UserWarning, match=r"clipping rule 'encoder.\*' matches none of the"):
            optimizer.step()
        optimizer.step()


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")
def test_names_are_those_without_wrappers(model):
    compiled = torch.compile(model)
    assert names_of(list(compiled.parameters()))[0] == "rnn.weight_ih_l0"


def test_module_of_that_name_is_no_wrapper():
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.module = nn.Linear(1, 1)

    outer = Outer()
    assert names_of(list(outer.parameters())) == ["module.weight", "module.bias"]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({}, "there is no rule"),
        (5, "rules map patterns to policies, got 5"),
        ({1: "none"}, "a pattern is a string, got 1"),
        ({"a b": "1"}, "can match no parameter's name"),
        ({"a": "nrom:1"}, "unknown clipping policy 'nrom'"),
        ({"a": ByNameClip("none", {"b": "1"})}, "cannot have rules of its own"),
        ([("a", "1"), ("a", "2")], "pattern 'a' is given twice"),
    ],
)
def test_wrong_rules_are_refused(rules, words):
    with pytest.raises(Exception, match=words):
        ByNameClip(NormClip(1.0), rules)


def test_rules_copy_and_pickle_and_compare():
    policy = parse("norm:1.0;a*=percentile:10;b=hook:-1,1")
    assert str(policy) == "norm:1.0;a*=percentile:10.0;b=hook:-1.0,1.0"
    for twin in (copy.deepcopy(policy), pickle.loads(pickle.dumps(policy)), parse(str(policy))):
        assert twin == policy
        assert hash(twin) == hash(policy)
    assert policy.acts_at == "backward"
    assert parse("none;a=none").acts_at == "never"
    assert policy != ByNameClip(NormClip(1.0), {"a*": HookClip(-1, 1)})
