"""Under torch.compile a script's own clipping and a policy both act as they do without it."""

import pytest
import torch
from torch import nn

from rnnswap.clip import attach, install


def clip_norm(parameters):
    torch.nn.utils.clip_grad_norm_(parameters, 0.5)


def clip_value(parameters):
    torch.nn.utils.clip_grad_value_(parameters, 0.05)


def clip_in_two(parameters):
    total = torch.nn.utils.get_total_norm([p.grad for p in parameters])
    torch.nn.utils.clip_grads_with_norm_(parameters, 0.5, total)


@pytest.fixture(autouse=True)
def nothing_compiled():
    torch._dynamo.reset()


def trained(policy, clip, *, whole=False, compiler=lambda function: function):
    """Three steps of a small model whose clipping, or whose whole step, is compiled."""
    torch.manual_seed(0)
    model, x = nn.Linear(4, 4), torch.ones(8, 4)
    parameters = [*model.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    own = clip if whole else compiler(clip)

    def step():
        optimizer.zero_grad()
        model(x).square().sum().backward()
        own(parameters)
        optimizer.step()

    step = compiler(step) if whole else step
    with install(policy):
        for _ in range(3):
            step()
    return [p.detach().clone() for p in parameters]


def close(got, expected):
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:the script clips gradients itself")
@pytest.mark.parametrize("policy", ["norm:0.2", "value:0.01", "hook:-0.01,0.01"])
@pytest.mark.parametrize("clip", [clip_norm, clip_value, clip_in_two])
def test_a_scripts_own_clipping_can_be_one_graph(clip, policy):
    got = trained(policy, clip, compiler=torch.compile(fullgraph=True, backend="eager"))
    close(got, trained(policy, clip))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")
@pytest.mark.filterwarnings("ignore:the script clips gradients itself")
@pytest.mark.parametrize("clip", [clip_norm, clip_value, clip_in_two])
def test_a_scripts_own_clipping_can_be_one_kernel(clip):
    got = trained("norm:0.2", clip, compiler=torch.compile(fullgraph=True, backend="inductor"))
    close(got, trained("norm:0.2", clip))


@pytest.mark.filterwarnings("ignore:the script clips gradients itself")
@pytest.mark.filterwarnings("ignore:Dynamo")  # what it leaves to Python
@pytest.mark.parametrize("policy", ["norm:0.2", "value:0.01", "hook:-0.01,0.01", "agc:0.01"])
@pytest.mark.parametrize("clip", [clip_norm, lambda parameters: None], ids=["clips", "does not"])
def test_a_whole_step_can_be_compiled(clip, policy):
    got = trained(policy, clip, whole=True, compiler=torch.compile(backend="eager"))
    close(got, trained(policy, clip))


def test_clipping_compiled_before_a_policy_is_there_is_not_compiled_wrong():
    """torch's function is wrapped and unwrapped under a graph that exists."""
    torch.manual_seed(0)
    parameter = nn.Parameter(torch.ones(4))
    optimizer = torch.optim.SGD([parameter], lr=0.0)
    own = torch.compile(clip_norm, fullgraph=True, backend="eager")
    norms = []
    for policy in (None, "norm:0.25", None):
        parameter.grad = torch.full((4,), 3.0)
        own([parameter])
        norms.append(parameter.grad.norm().item())
        if policy is not None:
            with attach(policy, optimizer):
                own([parameter])
                optimizer.step()
            norms.append(parameter.grad.norm().item())
    assert norms == pytest.approx([0.5, 0.5, 0.25, 0.5], rel=1e-4)
