"""What libraries put around an optimizer: a policy is attached to the one that makes the steps."""

import pytest
import torch
from torch import nn

from rnnswap.clip import attach
from rnnswap.errors import ClipError


class Accelerated(torch.optim.Optimizer):
    """As accelerate's: an Optimizer that never ran its base class's constructor."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    @property
    def param_groups(self):
        return self.optimizer.param_groups

    def step(self, closure=None):
        self.optimizer.step(closure)


class Fabrics:
    """As Lightning Fabric's: it takes the class of what it wraps, and hands its attributes on."""

    def __init__(self, optimizer):
        self._optimizer = optimizer
        self.__class__ = type("FabricSGD", (Fabrics, type(optimizer)), {})

    @property
    def optimizer(self):
        return self._optimizer

    def __getattr__(self, name):
        return getattr(self._optimizer, name)

    def step(self, closure=None):
        return self.optimizer.step()


class Noam:
    """A schedule around an optimizer, as many scripts have it."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self):
        self.optimizer.step()


@pytest.fixture
def parameter():
    parameter = nn.Parameter(torch.zeros(4))
    parameter.grad = torch.full((4,), 3.0)
    return parameter


@pytest.mark.parametrize(
    "wraps",
    [Accelerated, Fabrics, Noam, lambda inner: Noam(Accelerated(inner))],
    ids=["accelerate", "Fabric", "schedule", "two"],
)
@pytest.mark.parametrize("policy", ["norm:1.0", "percentile:10"])
def test_a_policy_attached_to_a_wrapper_acts_in_the_step_it_calls(parameter, wraps, policy):
    inner = torch.optim.SGD([parameter], lr=1.0)
    seen = []
    handle = attach(policy, wraps(inner), callback=lambda *given: seen.append(given))
    wraps(inner).step()
    assert [optimizer for optimizer, _ in seen] == [inner]
    assert handle.last.norm_before.item() == pytest.approx(6.0)
    if policy == "norm:1.0":
        assert parameter.norm().item() == pytest.approx(1.0, rel=1e-5)
    else:
        assert "rnnswap_clip" in inner.state_dict()
    handle.detach()
    assert not inner._optimizer_step_pre_hooks


class HoldsOne:
    def __init__(self, optimizer):
        self.inner_optimizer = optimizer


class HoldsSeveral:
    def __init__(self, optimizer):
        self.chained = [optimizer, optimizer]


class OfCopies(HoldsOne):
    """As mixed precision's that step copies of the parameters."""

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.param_groups = [{"params": [nn.Parameter(torch.zeros(4))]}]


class OfItself:
    @property
    def optimizer(self):
        return self


class Zero(Noam):
    __module__ = "deepspeed.runtime.zero.stage_1_and_2"


@pytest.mark.parametrize(
    ("wraps", "advice"),
    [
        (HoldsOne, r"attach to \.inner_optimizer, which it wraps"),
        (HoldsSeveral, r"attach to each of \.chained, which it wraps"),
        (OfCopies, r"attach to \.optimizer, which it wraps"),
        (lambda _: OfItself(), "got OfItself; attach to the optimizer it wraps"),
        (lambda _: None, "got NoneType; attach to the optimizer it wraps"),
        (lambda _: nn.Linear(1, 1), "got Linear; attach to the optimizer it wraps"),
        (lambda inner: [inner, [inner]], "got list; attach to the optimizer it wraps"),
        (Zero, "got Zero; give DeepSpeed gradient_clipping in its configuration"),
    ],
)
def test_what_cannot_be_attached_to_says_what_can(parameter, wraps, advice):
    with pytest.raises(ClipError, match=advice):
        attach("norm:1.0", wraps(torch.optim.SGD([parameter])))
