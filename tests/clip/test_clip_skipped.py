"""A step that on_nonfinite="skip" leaves out is not made: nothing of the optimizer has changed."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.optim import SGD, Optimizer

from rnnswap.clip import attach, install
from rnnswap.training.record import Recorder

pytestmark = pytest.mark.filterwarnings("ignore:.*are not finite:UserWarning")


class Averaging(Optimizer):
    """Schedule-free in short: counts in its groups, averages and decays every weight."""

    def __init__(self, parameters, lr=0.1):
        super().__init__(parameters, {"lr": lr, "k": 0, "weight_sum": 0.0})
        self.calls = 0

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.calls += 1
        for group in self.param_groups:
            group["k"] += 1
            group["weight_sum"] += group["lr"] ** 2
            group["new"] = torch.tensor(group["k"])
            for parameter in group["params"]:
                state = self.state[parameter]
                state["average"] = state.get("average", 0.0) * 0.9 + parameter * 0.1
                parameter.mul_(0.99)
                if parameter.grad is not None:
                    parameter.add_(parameter.grad, alpha=-group["lr"] / group["k"])
        return loss


class Counting(SGD):
    """Counts before it calls its base's step, and after."""

    def __init__(self, parameters, lr=0.1):
        super().__init__(parameters, lr=lr, momentum=0.9)
        self.param_groups[0].update(before=0, after=0)

    def step(self, closure=None):
        self.param_groups[0]["before"] += 1
        loss = super().step(closure)
        self.param_groups[0]["after"] += 1
        return loss


class Around(Optimizer):
    """Wraps another, as lookahead does."""

    def __init__(self, parameters, lr=0.1):
        self.inner = SGD(parameters, lr=lr, momentum=0.9)
        super().__init__(self.inner.param_groups, {})
        self.slow = [p.detach().clone() for p in self.inner.param_groups[0]["params"]]

    def step(self, closure=None):
        loss = self.inner.step(closure)
        with torch.no_grad():
            for slow, fast in zip(self.slow, self.param_groups[0]["params"], strict=True):
                fast.copy_(slow.lerp_(fast, 0.5))
        return loss


class EarlyCounting(Averaging):
    """Counts before it calls the closure."""

    def step(self, closure=None):
        self.param_groups[0]["early"] = self.param_groups[0].get("early", 0) + 1
        return super().step(closure)


def lbfgs(parameters):
    return torch.optim.LBFGS(parameters, lr=0.5, max_iter=4)


def fused(parameters):
    return torch.optim.AdamW(parameters, lr=0.1, fused=True)


ALL = [Averaging, Counting, Around, EarlyCounting, torch.optim.AdamW, fused, lbfgs]


def closure_of(optimizer, parameter, number, bad=(), at=1):
    """A closure whose loss is NaN at the `at`-th evaluation of the steps in `bad`."""
    evaluations = []

    def closure():
        evaluations.append(1)
        optimizer.zero_grad()
        loss = (parameter * (number + 1)).square().sum()
        if number in bad and len(evaluations) == at:
            loss = loss * math.nan
        loss.backward()
        return loss

    return closure


def run(make, how, *, with_closure, bad=(2, 4), by_hand=False, at=1):
    """Train, leaving the bad steps out by hand or by clipping; return all that an optimizer has."""
    parameter = nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    optimizer = make([parameter])
    install_it = install if how == "install" else lambda p, **k: attach(p, optimizer, **k)
    with install_it("norm:1.0", on_nonfinite="skip"):
        for number in range(6):
            closure = closure_of(optimizer, parameter, number, () if by_hand else bad, at)
            if by_hand and number in bad:
                continue
            if with_closure:
                optimizer.step(closure)
            else:
                closure()
                optimizer.step()
    return parameter.detach(), copy.deepcopy(optimizer.state_dict()), optimizer


def cases():
    for make in ALL:
        for with_closure in (False, True):
            if make is not lbfgs or with_closure:
                yield pytest.param(make, with_closure, id=f"{make.__name__}-{with_closure}")


@pytest.mark.parametrize("how", ["attach", "install"])
@pytest.mark.parametrize(("make", "with_closure"), [*cases()])
def test_run_with_steps_left_out_is_the_run_without_them(make, with_closure, how):
    options = {"with_closure": with_closure}
    left, state, optimizer = run(make, how, **options)
    right, expected, other = run(make, how, **options, by_hand=True)
    assert torch.equal(left, right)
    torch.testing.assert_close(state, expected, rtol=0, atol=0)
    assert getattr(optimizer, "calls", None) == getattr(other, "calls", None)
    for mine, theirs in zip(
        getattr(optimizer, "slow", ()), getattr(other, "slow", ()), strict=True
    ):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("bad", [(0,), (3,)])
def test_lbfgs_is_as_before_the_step_wherever_in_it_the_gradient_was_not_finite(bad, at):
    left, state, _ = run(lbfgs, "install", with_closure=True, bad=bad, at=at)
    right, expected, _ = run(lbfgs, "install", with_closure=True, bad=bad, by_hand=True)
    assert torch.equal(left, right)
    torch.testing.assert_close(state, expected, rtol=0, atol=0)


@pytest.mark.parametrize("with_closure", [False, True])
@pytest.mark.parametrize("make", [Averaging, Counting, Around])
def test_what_a_step_that_is_left_out_returns(make, with_closure):
    parameter = nn.Parameter(torch.ones(2))
    optimizer = make([parameter])

    def closure():
        (parameter.sum() * math.nan).backward()
        return 5.0

    with attach("norm:1.0", optimizer, on_nonfinite="skip") as handle:
        if with_closure:
            assert optimizer.step(closure) == 5.0
        else:
            closure()
            assert optimizer.step() is None
        assert handle.nonfinite == 1
    assert parameter.grad is None
    assert parameter.tolist() == [1.0, 1.0]


def test_scaler_scheduler_and_hooks_go_on_after_a_step_left_out(recwarn):
    parameter = nn.Parameter(torch.ones(2))
    optimizer, calls = Averaging([parameter]), []
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    optimizer.register_step_post_hook(lambda *_: calls.append(1))
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    with install("norm:1.0", on_nonfinite="skip"):
        scaler.scale(parameter.sum() * math.nan).backward()
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
        scaler.scale(parameter.sum()).backward()
        scaler.step(optimizer)
        scheduler.step()
    assert optimizer.param_groups[0]["k"] == 1
    assert calls == [1, 1]
    assert [str(w.message) for w in recwarn if "lr_scheduler" in str(w.message)] == []


def test_step_left_out_is_recorded_as_a_step_with_its_norm():
    parameter = nn.Parameter(torch.ones(2))
    optimizer, recorder = Around([parameter]), Recorder()
    with recorder, install("norm:1.0", recorder.on_clip, on_nonfinite="skip"):
        for force in (1.0, math.nan, 1.0):
            optimizer.zero_grad()
            (parameter.sum() * force).backward()
            optimizer.step()
    summary = recorder.summary()
    assert (summary.steps, summary.nonfinite) == (3, 1)


def test_raise_inside_a_step_raises_and_skip_survives_a_script_that_catches_everything():
    class Catching(Around):
        def step(self, closure=None):
            try:
                return super().step(closure)
            except Exception:
                raise AssertionError("the step was to be left out") from None

    parameter = nn.Parameter(torch.ones(2))
    optimizer = Catching([parameter])
    (parameter.sum() * math.nan).backward()
    with install("norm:1.0", on_nonfinite="skip"):
        assert optimizer.step() is None


def test_statistics_do_not_see_a_step_left_out():
    parameter = nn.Parameter(torch.ones(2))
    optimizer = Counting([parameter])
    with attach("percentile:50", optimizer, on_nonfinite="skip") as handle:
        for force in (1.0, math.nan, 1.0):
            optimizer.zero_grad()
            (parameter.sum() * force).backward()
            optimizer.step()
        assert int(handle.policy.state_dict()["count"]) == 2
