"""Names of parameters are found by one look at the objects of the process, whatever is made."""

import copy
import gc
import io
import pickle

import pytest
import torch
from torch import nn

from rnnswap.clip import _living, attach, install
from rnnswap.clip._living import living
from rnnswap.clip._names import all_names, names_of


@pytest.fixture
def looks(monkeypatch):
    """How often all objects of the process were looked at."""
    # Handles of other tests may still be attached to optimizers that are alive.
    _living.living._forget()
    count = []
    real = gc.get_objects
    monkeypatch.setattr(_living.gc, "get_objects", lambda: count.append(1) or real())
    return count


class Follower:
    """Who wants to know of modules."""


@pytest.fixture(autouse=True)
def nobody_follows():
    """Handles that other tests have left are gone, and with them what follows for them."""
    gc.collect()
    assert not living.is_followed


@pytest.fixture
def followed():
    follower = Follower()
    end = living.follow(follower)
    yield
    end()


def one_step(parameters):
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, 3.0)
    optimizer.step()


@pytest.mark.parametrize("policy", ["none", "norm:1.0", "agc:0.01", "zclip:2.5", "hook:-1,1"])
def test_new_optimizers_look_for_no_names(policy, looks):
    with install(policy):
        for _ in range(5):
            one_step([torch.zeros(3, requires_grad=True)])
            one_step([nn.Parameter(torch.zeros(3))])
    with attach(policy, torch.optim.SGD([nn.Parameter(torch.zeros(3))])):
        pass
    assert not looks


@pytest.mark.parametrize("rule", ["*.bias=-1,1", "*.weight=hook:-1,1"])
def test_rules_look_once_for_the_names_of_new_optimizers(rule, looks):
    model = nn.Sequential(nn.Linear(2, 2))
    with install(f"norm:1.0;{rule};0.*=none"):
        one_step([*model.parameters()])
        first = len(looks)
        for _ in range(5):
            one_step([nn.Parameter(torch.zeros(3))])
            one_step([torch.zeros(3, requires_grad=True)])
            inner = copy.deepcopy(model)
            one_step([*inner.parameters()])
            assert names_of([*inner.parameters()]) == ["0.weight", "0.bias"]
    assert first == 1
    assert len(looks) == first


def made(how):
    if how == "copied":
        return copy.deepcopy(nn.Linear(2, 2))
    if how == "unpickled":
        return pickle.loads(pickle.dumps(nn.LSTM(2, 2)))
    if how == "loaded":
        file = io.BytesIO()
        torch.save(nn.Linear(2, 2), file)
        file.seek(0)
        return torch.load(file, weights_only=False)
    if how == "scripted":
        return torch.jit.script(nn.Linear(2, 2))
    if how == "traced by fx":
        return copy.deepcopy(torch.fx.symbolic_trace(nn.Sequential(nn.Linear(2, 2))))
    if how == "parametrized":
        return nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    layer = nn.Linear(2, 2)
    layer.weight = nn.Parameter(torch.zeros(2, 2))
    layer._parameters["bias"] = nn.Parameter(torch.zeros(2))
    return layer


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.parametrize(
    "how",
    ["copied", "unpickled", "loaded", "scripted", "traced by fx", "parametrized", "set"],
)
@pytest.mark.parametrize("before", [True, False], ids=["before", "while followed"])
def test_modules_are_known_however_they_came_to_life(how, before, looks):
    model = made(how) if before else None
    follower = Follower()
    end = living.follow(follower)
    names_of([nn.Parameter(torch.zeros(1))])
    model = model or made(how)
    found = names_of([*model.parameters()])
    end()
    assert found == [name for name, _ in model.named_parameters()]
    assert len(looks) == 1


def test_a_parameter_of_no_module_is_asked_for_again_when_there_are_new_modules(followed):
    loose = nn.Parameter(torch.zeros(3))
    assert names_of([loose, loose]) == ["a parameter of shape (3,)"] * 2
    module = nn.ParameterDict({"found": loose})
    assert names_of([loose]) == ["found"]
    assert "found" in all_names()
    del module


def test_modules_that_are_gone_are_not_kept(followed):
    living.modules()
    model = nn.Sequential(nn.Linear(2, 2))
    count = len(living.modules())
    del model
    assert len(living.modules()) == count - 2


def test_torchs_module_is_its_own_again_when_nobody_follows():
    before = nn.Module.__init__, nn.Module.__setstate__
    followers = Follower(), Follower()
    first, second = map(living.follow, followers)
    first()
    first()
    assert living.is_followed
    assert nn.Module.__init__ is not before[0]
    second()
    assert not living.is_followed
    assert (nn.Module.__init__, nn.Module.__setstate__) == before


def test_a_handle_with_rules_follows_until_it_is_detached():
    model = nn.Linear(2, 2)
    handle = attach("none;weight=-1,1", torch.optim.SGD(model.parameters()))
    assert living.is_followed
    handle.detach()
    assert not living.is_followed


def test_following_ends_with_the_optimizer_of_a_handle():
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters())
    attach("none;weight=-1,1", optimizer)
    assert living.is_followed
    del optimizer
    gc.collect()
    assert not living.is_followed


def test_a_module_can_be_made_inside_a_compiled_graph(followed):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = 3

        def forward(self, x):
            return x * self.factor

    compiled = torch.compile(lambda x: Scaled()(x), fullgraph=True, backend="eager")
    assert compiled(torch.ones(2)).tolist() == [3.0, 3.0]
