"""A policy in the steps of every optimizer of the process, and its way out."""

import itertools

import pytest
import torch
from policies import POLICIES
from torch import nn
from torch.optim import Optimizer
from torch.optim import optimizer as torch_optimizer

from rnnswap.clip import HookClip, NormClip, _gradients, _nonfinite, install
from rnnswap.clip._nonfinite import NonFinite

ORIGINAL = Optimizer.add_param_group


@pytest.fixture(autouse=True)
def everything_is_restored():
    yield
    assert Optimizer.add_param_group is ORIGINAL
    assert not torch_optimizer._global_optimizer_pre_hooks


def pulled(parameter, force=3.0):
    parameter.grad = None
    (parameter.sum() * force).backward()


def parameter():
    return nn.Parameter(torch.zeros(4, dtype=torch.float64))


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.AdamW, torch.optim.Adagrad])
def test_every_optimizer_is_clipped_older_and_newer(make):
    old, new = parameter(), parameter()
    older = make([old])
    seen = []
    with install("norm:1.0", callback=lambda optimizer, _: seen.append(optimizer)) as handle:
        newer = make([new])
        for one, optimizer in ((old, older), (new, newer)):
            pulled(one)
            optimizer.step()
            assert one.grad.norm().item() == pytest.approx(1.0, rel=1e-6)
            assert handle.last.norm_before.item() == pytest.approx(6.0)
    assert seen == [older, newer]
    pulled(old)
    older.step()
    assert old.grad.norm().item() == 6.0


def test_closures_are_wrapped_for_every_optimizer():
    one = parameter()
    with install("norm:1.0") as handle:
        optimizer = torch.optim.SGD([one], lr=1.0)
        optimizer.step(lambda: pulled(one))
    assert one.norm().item() == pytest.approx(1.0, rel=1e-6)
    assert handle.last.clipped


def test_hook_is_there_before_the_first_backward_of_a_new_optimizer():
    one = parameter()
    with install(HookClip(-0.1, 1.0)):
        torch.optim.SGD([one], lr=1.0)
        pulled(one)
        assert one.grad.tolist() == [1.0] * 4
        pulled(one, force=-3.0)
        assert one.grad.tolist() == [-0.1] * 4
    pulled(one)
    assert one.grad.tolist() == [3.0] * 4
    assert not one._backward_hooks


def test_hook_policy_clamps_an_older_optimizer_at_its_first_step_and_hooks_it():
    one = parameter()
    optimizer = torch.optim.SGD([one], lr=1.0)
    with install(HookClip(-1, 1)):
        pulled(one)
        assert one.grad.tolist() == [3.0] * 4
        optimizer.step()
        assert one.tolist() == [-1.0] * 4
        pulled(one)
        assert one.grad.tolist() == [1.0] * 4


def test_parameter_of_two_optimizers_gets_one_hook():
    one = parameter()
    with install(HookClip(-1, 1)):
        torch.optim.SGD([one])
        torch.optim.Adam([one])
        assert len(one._backward_hooks) == 1


def test_group_added_to_an_optimizer_is_hooked():
    one = parameter()
    with install(HookClip(-1, 1)):
        torch.optim.SGD([parameter()]).add_param_group({"params": [one]})
        pulled(one)
    assert one.grad.tolist() == [1.0] * 4


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_installs_nest_and_leave_in_any_order(order):
    handles = [install(HookClip(-bound, bound)) for bound in (3.0, 1.0, 2.0)]
    assert Optimizer.add_param_group is not ORIGINAL
    remaining = dict(enumerate((3.0, 1.0, 2.0)))
    for index in order:
        one = parameter()
        torch.optim.SGD([one])
        pulled(one, force=10.0)
        assert one.grad.tolist() == [min(remaining.values())] * 4
        handles[index].detach()
        del remaining[index]
    assert Optimizer.add_param_group is ORIGINAL


def test_wrapper_put_on_top_by_others_survives_our_leaving(monkeypatch):
    calls = []
    handle = install(HookClip(-1, 1))
    ours = Optimizer.add_param_group

    def theirs(optimizer, group):
        calls.append(group)
        ours(optimizer, group)

    Optimizer.add_param_group = theirs
    try:
        handle.detach()
        assert Optimizer.add_param_group is theirs
        # A second install must not call itself through the wrapper that was left behind.
        with install(HookClip(-1, 1)):
            one = parameter()
            torch.optim.SGD([one])
            pulled(one)
        assert Optimizer.add_param_group is theirs
        assert one.grad.tolist() == [1.0] * 4
        assert len(calls) == 1
    finally:
        Optimizer.add_param_group = ORIGINAL


def test_wrapped_method_keeps_name_and_signature():
    with install(HookClip(-1, 1)):
        assert Optimizer.add_param_group.__name__ == "add_param_group"
        assert Optimizer.add_param_group.__doc__ == ORIGINAL.__doc__
        with pytest.raises(TypeError, match="param_group must be a dict"):
            torch.optim.SGD([parameter()]).add_param_group([parameter()])


def test_policy_that_acts_at_the_step_wraps_nothing():
    with install(NormClip(1.0)):
        assert Optimizer.add_param_group is ORIGINAL


def test_two_losses_and_two_optimizers_are_bounded_each():
    """A GAN's loop: the generator's backward also reaches the critic, which then clears it."""
    critic, maker = parameter(), parameter()
    with install(HookClip(-1, 1)) as handle:
        critic_step = torch.optim.SGD([critic], lr=1.0)
        maker_step = torch.optim.SGD([maker], lr=1.0)
        ((critic + maker) * 9.0).sum().backward()
        maker_step.step()
        assert handle.last.norm_before.item() == pytest.approx(18.0)
        critic_step.zero_grad()
        (critic * 2.0).sum().backward()
        critic_step.step()
    assert handle.last.norm_before.item() == pytest.approx(4.0)
    assert critic.tolist() == [-1.0] * 4


@pytest.mark.parametrize("measure", [True, False])
@pytest.mark.parametrize("policy", [*POLICIES.values(), "norm:1.0,p=inf", "none;param*=-1,1"])
def test_clipping_reads_nothing_out_of_a_tensor(monkeypatch, policy, measure):
    """Reading a number out would stop the loop until the device has caught up.

    What is on the CPU is asked whether it is finite; here it passes for what is elsewhere.
    """

    def refuse(tensor, *_):
        raise AssertionError("a step read a tensor on the host")

    monkeypatch.setattr(_gradients, "can_be_asked", lambda tensor: False)
    monkeypatch.setattr(_nonfinite, "_on_the_way", lambda look: look)
    monkeypatch.setattr(NonFinite, "_read_arrived", lambda *_, **__: None)
    one = parameter()
    model = nn.ParameterDict({"param": one})  # noqa: F841  (what has the name)
    with install(policy, measure=measure):
        optimizer = torch.optim.SGD([one], lr=1.0)
        for _ in range(2):
            with monkeypatch.context() as patch:
                for name in ("item", "tolist", "__bool__", "__float__", "__int__", "cpu", "numpy"):
                    patch.setattr(torch.Tensor, name, refuse)
                pulled(one)
                optimizer.step()
