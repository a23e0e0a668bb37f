"""A policy in the steps of one optimizer: plain, with closures, under a GradScaler."""

import copy
import math

import pytest
import torch
from torch import nn

from rnnswap.clip import ClipResult, HookClip, NormClip, attach
from rnnswap.errors import ClipError


def pulled(parameter, force):
    """Give `parameter` the gradient `force` in every element."""
    (parameter.sum() * force).backward()


@pytest.fixture
def parameter():
    return nn.Parameter(torch.zeros(4, dtype=torch.float64))


def test_gradients_are_clipped_before_the_step(parameter):
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    handle = attach("norm:1.0", optimizer)
    assert handle.last is None
    pulled(parameter, 3.0)
    optimizer.step()
    assert parameter.norm().item() == pytest.approx(1.0, rel=1e-6)
    assert isinstance(handle.last, ClipResult)
    assert handle.last.norm_before.item() == pytest.approx(6.0)
    assert handle.last.norm_after.item() == pytest.approx(1.0, rel=1e-6)


def test_detached_policy_acts_no_more(parameter):
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    with attach(HookClip(-1, 1), optimizer) as handle:
        pulled(parameter, 3.0)
        assert parameter.grad.tolist() == [1.0] * 4
        optimizer.step()
    handle.detach()
    assert not optimizer._optimizer_step_pre_hooks
    assert not parameter._backward_hooks
    optimizer.zero_grad()
    pulled(parameter, 3.0)
    optimizer.step()
    assert parameter.tolist() == [-4.0] * 4


def test_callback_gets_optimizer_and_result(parameter):
    seen = []
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    handle = attach("value:0.5", optimizer, callback=lambda *given: seen.append(given))
    pulled(parameter, 3.0)
    optimizer.step()
    assert seen == [(optimizer, handle.last)]


def test_policies_attached_in_turn_act_in_turn(parameter):
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    attach("value:2.0", optimizer)
    second = attach("norm:1.0", optimizer)
    pulled(parameter, 3.0)
    optimizer.step()
    assert second.last.norm_before.item() == pytest.approx(4.0)


def test_step_without_any_gradient_is_not_clipped(parameter):
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    handle = attach("norm:1.0", optimizer)
    optimizer.step()
    assert handle.last is None


def test_parameters_without_gradient_and_frozen_ones_are_left_out(parameter):
    idle = nn.Parameter(torch.zeros(2))
    frozen = nn.Parameter(torch.zeros(2), requires_grad=False)
    optimizer = torch.optim.SGD([idle, frozen, parameter], lr=1.0)
    handle = attach(HookClip(-1, 1), optimizer)
    pulled(parameter, 3.0)
    optimizer.step()
    assert handle.last.norm_before.item() == pytest.approx(6.0)
    assert idle.grad is None


def test_group_added_later_is_clipped_from_its_first_step(parameter):
    late = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    attach(HookClip(-1, 1), optimizer)
    optimizer.add_param_group({"params": [late]})
    for expected in (-1.0, -2.0):
        optimizer.zero_grad()
        pulled(late, 3.0)
        optimizer.step()
        assert late.tolist() == [expected] * 2
    assert late._backward_hooks


def test_several_optimizers_share_a_policy(parameter):
    policy, other = NormClip(1.0), nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizers = [torch.optim.SGD([p], lr=1.0) for p in (parameter, other)]
    handles = [attach(policy, optimizer) for optimizer in optimizers]
    pulled(parameter, 3.0)
    pulled(other, 0.5)
    for optimizer in optimizers:
        optimizer.step()
    assert [h.last.clipped.item() for h in handles] == [True, False]
    assert other.item() == -0.5


def test_copied_optimizer_is_not_clipped(parameter):
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    attach("norm:1.0", optimizer)
    twin = copy.deepcopy(optimizer)
    (own,) = twin.param_groups[0]["params"]
    pulled(own, 3.0)
    twin.step()
    assert own.tolist() == [-3.0] * 4


def give_positional(optimizer, closure):
    return optimizer.step(closure)


def give_keyword(optimizer, closure):
    return optimizer.step(closure=closure)


@pytest.mark.parametrize("give", [give_positional, give_keyword])
@pytest.mark.parametrize("policy", ["norm:1.0", "value:0.5", "hook:-0.5,0.5"])
@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.RMSprop])
def test_clipping_acts_at_the_end_of_a_closure(parameter, make, policy, give):
    optimizer = make([parameter], lr=1.0)
    handle = attach(policy, optimizer)

    def closure():
        optimizer.zero_grad()
        loss = (parameter * 3.0).sum() + 7
        loss.backward()
        return loss

    assert give(optimizer, closure).item() == 7
    assert parameter.grad.tolist() == pytest.approx([0.5] * 4, rel=1e-5)
    assert handle.last.norm_before.item() == pytest.approx(6.0)
    assert handle.last.norm_after.item() == pytest.approx(1.0, rel=1e-5)


def test_lbfgs_sees_clipped_gradients_in_every_evaluation(parameter):
    results, grads = [], []
    optimizer = torch.optim.LBFGS([parameter], lr=0.1, max_iter=4)
    attach("norm:0.5", optimizer, callback=lambda _, result: results.append(result))
    original = optimizer._gather_flat_grad
    optimizer._gather_flat_grad = lambda: grads.append(original()) or grads[-1]

    def closure():
        optimizer.zero_grad()
        loss = ((parameter - 5) ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert len(results) > 1
    assert grads[0].norm().item() == pytest.approx(0.5, rel=1e-5)
    assert all(g.norm() <= 0.5 for g in grads)


def test_closure_that_raises_leaves_the_gradient_unclipped(parameter):
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    handle = attach("norm:1.0", optimizer)

    def closure():
        raise ArithmeticError("no loss")

    with pytest.raises(ArithmeticError, match="no loss"):
        optimizer.step(closure)
    assert handle.last is None


@pytest.mark.parametrize("policy", ["norm:1.0", "value:0.5"])
def test_clipping_acts_after_the_grad_scaler_unscales(policy):
    parameter = nn.Parameter(torch.zeros(4))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    handle = attach(policy, optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)
    scaler.scale(parameter.sum() * 3.0).backward()
    assert parameter.grad[0].item() == 3.0 * 65536
    scaler.step(optimizer)
    scaler.update()
    assert parameter.tolist() == pytest.approx([-0.5] * 4, rel=1e-5)
    assert handle.last.norm_before.item() == pytest.approx(6.0)


def test_hook_under_a_grad_scaler_bounds_scaled_gradients():
    parameter = nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    attach("hook:-1.0,5.0", optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)
    scaler.scale(parameter * 30.0).backward()
    scaler.step(optimizer)
    assert parameter.item() == pytest.approx(-5 / 65536)


def fused_step(parameter, policy, unscale):
    optimizer = torch.optim.SGD([parameter], lr=1.0, fused=True)
    handle = attach(policy, optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)
    scaler.scale(parameter.sum() * 3.0).backward()
    if unscale:
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    return handle.last


@pytest.mark.parametrize("policy", ["norm:1.0", "value:0.5", "range:-0.5,0.5", "layer-norm:1.0"])
def test_fused_optimizer_that_unscales_in_its_step_is_clipped_on_the_true_scale(policy):
    parameter = nn.Parameter(torch.zeros(4))
    result = fused_step(parameter, policy, unscale=False)
    assert parameter.tolist() == pytest.approx([-0.5] * 4, rel=1e-5)
    assert result.norm_before.item() == pytest.approx(6.0)
    assert result.norm_after.item() == pytest.approx(1.0, rel=1e-5)


def test_fused_step_that_the_scaler_leaves_out_is_left_out_and_not_counted():
    parameter = nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([parameter], lr=1.0, fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)
    with attach("norm:1.0", optimizer, on_nonfinite="raise") as handle:
        scaler.scale((parameter * torch.tensor([1.0, math.inf])).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
    assert parameter.tolist() == [0.0, 0.0]
    assert scaler.get_scale() == 32768.0
    assert handle.nonfinite == 0


def test_step_that_takes_the_scaler_itself_is_refused():
    class TakesScaler(torch.optim.SGD):
        def step(self, closure=None, grad_scaler=None):
            raise AssertionError("stepped")

    parameter = nn.Parameter(torch.ones(2))
    optimizer = TakesScaler([parameter])
    attach("norm:1.0", optimizer)
    pulled(parameter, 1.0)
    with pytest.raises(ClipError, match="cannot act on TakesScaler, whose step takes the GradScal"):
        optimizer.step(grad_scaler=object())


def test_fused_optimizer_unscaled_by_the_script_is_clipped():
    parameter = nn.Parameter(torch.zeros(4))
    result = fused_step(parameter, "norm:1.0", unscale=True)
    assert parameter.tolist() == pytest.approx([-0.5] * 4, rel=1e-5)
    assert result.norm_before.item() == pytest.approx(6.0)


def test_none_on_a_fused_optimizer_measures_unscaled_gradients():
    parameter = nn.Parameter(torch.zeros(4))
    result = fused_step(parameter, "none", unscale=False)
    assert parameter.tolist() == [-3.0] * 4
    assert result.norm_before.item() == pytest.approx(6.0)
    assert result.norm_after.item() == pytest.approx(6.0)


class Wrapper(torch.optim.Optimizer):
    """As some libraries wrap an optimizer: without the base class's constructor."""

    def __init__(self, inner):
        self.inner = inner


def test_what_is_not_an_optimizer_with_hooks_is_refused(parameter):
    wrapper, linear = Wrapper(torch.optim.SGD([parameter])), nn.Linear(1, 1)
    for wrong, advice in ((wrapper, r"\.inner, which it"), (linear, "the optimizer it")):
        words = f"got {type(wrong).__name__}; attach to {advice} wraps"
        with pytest.raises(ClipError, match=words):
            attach("norm:1.0", wrong)


def test_what_is_not_a_policy_is_refused(parameter):
    with pytest.raises(TypeError, match=r"expected a ClipPolicy or text such as 'norm:1.0', got 1"):
        attach(1.0, torch.optim.SGD([parameter]))
