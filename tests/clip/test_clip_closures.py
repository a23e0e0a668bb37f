"""A step's closure is known among whatever else a step is given."""

import functools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rnnswap.clip import attach


class Given(torch.optim.SGD):
    """An optimizer whose step takes what a test wants it to."""

    def step(self, given=None, *more, **named):
        self.given = given, more, named
        return super().step()


class TakesModel(torch.optim.SGD):
    def step(self, model, closure=None):
        self.given = model
        return super().step(closure)


class TakesAnything(torch.optim.SGD):
    def step(self, *args, **kwargs):
        self.given = args, kwargs
        return super().step(*args, **kwargs)


@pytest.fixture
def parameter():
    parameter = nn.Parameter(torch.zeros(3))
    parameter.grad = torch.full((3,), 5.0)
    return parameter


class CallableScheduler:
    def __call__(self, epoch):
        raise AssertionError("a scheduler is called with its epoch")


class Loss(nn.Module):
    """One that can be called without arguments."""

    def forward(self):
        raise AssertionError("a module is no closure")


@pytest.mark.parametrize(
    "given",
    [nn.Linear(1, 1), Loss(), F.mse_loss, CallableScheduler(), Loss, dict, lambda x: x, "text", 3],
    ids=lambda given: getattr(given, "__name__", type(given).__name__),
)
def test_what_is_no_closure_is_handed_on_as_it_is(parameter, given):
    optimizer = Given([parameter], lr=1.0)
    with attach("value:1.0", optimizer):
        optimizer.step(given)
        assert optimizer.given == (given, (), {})
        assert parameter.grad.tolist() == [1.0, 1.0, 1.0]
        parameter.grad.fill_(4.0)
        optimizer.step(model=given)
        assert optimizer.given == (None, (), {"model": given})
    assert parameter.tolist() == [-2.0, -2.0, -2.0]


class CallableClosure:
    def __init__(self, parameter):
        self.parameter = parameter

    def __call__(self):
        self.parameter.grad = None
        loss = 7 * self.parameter.sum()
        loss.backward()
        return loss

    def with_default(self, retain=True):
        assert retain
        return self()


def closures(parameter):
    whole = CallableClosure(parameter)
    return [
        whole,
        whole.with_default,
        functools.partial(whole.with_default, retain=True),
        lambda *args: whole(*args),
        torch.enable_grad()(lambda: whole()),
    ]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("kind", [torch.optim.SGD, TakesAnything])
def test_a_closure_is_followed_whatever_it_is(parameter, number, by_name, kind):
    optimizer = kind([parameter], lr=1.0)
    closure = closures(parameter)[number]
    with attach("value:1.0", optimizer):
        loss = optimizer.step(closure=closure) if by_name else optimizer.step(closure)
    assert loss.item() == 0.0
    assert parameter.tolist() == [-1.0, -1.0, -1.0]


def test_a_closure_beside_a_model_is_followed(parameter):
    model, optimizer = nn.Linear(1, 1), TakesModel([parameter], lr=1.0)
    with attach("value:1.0", optimizer):
        optimizer.step(model, CallableClosure(parameter))
        assert optimizer.given is model
        assert parameter.tolist() == [-1.0, -1.0, -1.0]
        optimizer.step(model=model, closure=CallableClosure(parameter))
        assert parameter.tolist() == [-2.0, -2.0, -2.0]
        parameter.grad = torch.full((3,), 5.0)
        optimizer.step(model)
    assert parameter.tolist() == [-3.0, -3.0, -3.0]


def test_a_module_that_is_the_closure_is_followed(parameter):
    class Closure(nn.Module):
        def forward(self):
            return CallableClosure(parameter)()

    optimizer = torch.optim.SGD([parameter], lr=1.0)
    with attach("value:1.0", optimizer):
        optimizer.step(Closure())
    assert parameter.tolist() == [-1.0, -1.0, -1.0]
