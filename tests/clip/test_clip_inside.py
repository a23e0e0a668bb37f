"""Optimizers whose step calls another step: clipped once, where the gradients are finished."""

import gc
import warnings

import pytest
import torch
from torch import nn
from torch.optim import SGD, Optimizer

from rnnswap.clip import attach, install
from rnnswap.clip._inside import held_by
from rnnswap.errors import ClipError
from rnnswap.training.record import Recorder

#: The finished gradient is (30, 40); what clipping to norm 1 makes of it is taken off zero.
RIGHT = torch.tensor([-0.6, -0.8])
SCALE = 1024.0


class Finishing(SGD):
    """Changes the gradients before its base's step, in a way of its own."""

    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                self.finish(parameter)
        return super().step(closure)


class InPlace(Finishing):
    def finish(self, parameter):
        parameter.grad.div_(SCALE)


class Replacing(Finishing):
    def finish(self, parameter):
        parameter.grad = parameter.grad / SCALE


class Untracked(Finishing):
    def finish(self, parameter):
        parameter.grad.data.div_(SCALE)


class ThroughMethods(SGD):
    def step(self, closure=None):
        self.unscale()
        return self.make_step()

    def unscale(self):
        for parameter in self.param_groups[0]["params"]:
            parameter.grad.div_(SCALE)

    def make_step(self):
        return SGD.step(self)


class Middle(InPlace):
    """The one in the middle of three finishes the gradients."""


class Outermost(Middle):
    def step(self, closure=None):
        return super().step(closure)


class Wrapping(Optimizer):
    """Finishes the gradients of the optimizer it wraps."""

    def __init__(self, parameters, lr):
        self.inner = SGD(parameters, lr=lr)
        super().__init__(self.inner.param_groups, {})

    def step(self, closure=None):
        for parameter in self.param_groups[0]["params"]:
            parameter.grad.div_(SCALE)
        return self.inner.step()


class Masters(Optimizer):
    """Keeps copies of its parameters and steps those."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {})
        self.own = self.param_groups[0]["params"]
        self.copies = [p.detach().double().requires_grad_() for p in self.own]
        self.inner = [SGD(self.copies, lr=lr)]

    def step(self, closure=None):
        for copy, parameter in zip(self.copies, self.own, strict=True):
            self.give(copy, parameter.grad.double() / SCALE)
        self.inner[0].step()
        with torch.no_grad():
            for copy, parameter in zip(self.copies, self.own, strict=True):
                parameter.copy_(copy)

    def give(self, copy, gradient):
        copy.grad = gradient


class MastersWithRoom(Masters):
    """Writes to gradients that it keeps, past their version counters."""

    def give(self, copy, gradient):
        if copy.grad is None:
            copy.grad = torch.zeros_like(copy)
        copy.grad.data.copy_(gradient)


ALL = [InPlace, Replacing, Untracked, ThroughMethods, Outermost, Wrapping, Masters, MastersWithRoom]


def pulled(parameter, scale=SCALE):
    parameter.grad = None
    (parameter * torch.tensor([30.0, 40.0]) * scale).sum().backward()


def clip(how, policy, optimizer, seen=None):
    callback = None if seen is None else lambda optimizer, result: seen.append((optimizer, result))
    return attach(policy, optimizer, callback) if how == "attach" else install(policy, callback)


@pytest.fixture
def parameter():
    return nn.Parameter(torch.zeros(2))


@pytest.mark.parametrize("plain_first", [True, False])
@pytest.mark.parametrize("how", ["attach", "install"])
@pytest.mark.parametrize("kind", ALL)
def test_gradients_that_the_step_finishes_are_clipped_finished(parameter, kind, how, plain_first):
    if plain_first:
        SGD([parameter], lr=1.0)  # from when on torch's hooks are around the base's step too
    optimizer, seen = kind([parameter], lr=1.0), []
    with clip(how, "norm:1.0", optimizer, seen):
        for count in range(1, 4):
            pulled(parameter)
            optimizer.step()
            torch.testing.assert_close(parameter.detach(), count * RIGHT, rtol=1e-4, atol=1e-6)
    assert [float(result.norm_before) for _, result in seen] == pytest.approx([50.0] * 3)


@pytest.mark.parametrize("kind", ALL)
def test_attached_and_installed_policies_both_act_on_what_is_finished(parameter, kind):
    optimizer = kind([parameter], lr=1.0)
    with install("norm:25.0"), attach("norm:1.0", optimizer) as handle:
        pulled(parameter)
        optimizer.step()
    assert handle.last.norm_before.item() == pytest.approx(25.0, rel=1e-5)
    torch.testing.assert_close(parameter.detach(), RIGHT, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ALL)
def test_statistics_and_steps_are_counted_once(parameter, kind):
    optimizer, recorder = kind([parameter], lr=1.0), Recorder()
    with recorder, install("percentile:100", recorder.on_clip) as handle:
        for _ in range(3):
            pulled(parameter)
            optimizer.step()
        (met,) = handle._met.values()
    assert int(met.policy.state_dict()["count"]) == 3
    summary = recorder.summary()
    assert summary.steps == 3
    assert summary.norm_before == pytest.approx(50.0)


@pytest.mark.parametrize("kind", ALL)
def test_none_measures_what_is_finished(parameter, kind):
    optimizer = kind([parameter], lr=0.0)
    with install("none") as handle:
        pulled(parameter)
        optimizer.step()
        assert handle.last.norm_before.item() == pytest.approx(50.0)


class Both(Optimizer):
    """One optimizer of two, as for Muon and AdamW; `before` is called before each one's step."""

    def __init__(self, inner, before=lambda inner: None):
        super().__init__([g for o in inner for g in o.param_groups], {})
        self.inner, self.before = inner, before

    def step(self, closure=None):
        for inner in self.inner:
            self.before(inner)
            inner.step()


def two():
    parameters = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    return parameters, [SGD([p], lr=1.0) for p in parameters]


@pytest.mark.parametrize("how", ["attach", "install"])
def test_optimizer_of_two_has_one_norm_if_it_leaves_the_gradients_alone(how):
    (one, other), inner = two()
    optimizer = Both(inner)
    with clip(how, "norm:1.0", optimizer):
        one.grad, other.grad = torch.tensor([30.0]), torch.tensor([40.0])
        optimizer.step()
    assert (one.item(), other.item()) == pytest.approx((-0.6, -0.8), rel=1e-5)


@pytest.mark.parametrize("how", ["attach", "install"])
def test_optimizer_of_two_that_finishes_one_after_the_other_is_clipped_one_by_one(how):
    def unscale(inner):
        for parameter in inner.param_groups[0]["params"]:
            parameter.grad.div_(SCALE)

    (one, other), inner = two()
    optimizer = Both(inner, unscale)
    with clip(how, "norm:1.0", optimizer):
        one.grad, other.grad = torch.tensor([30.0 * SCALE]), torch.tensor([40.0 * SCALE])
        optimizer.step()
    assert (one.item(), other.item()) == pytest.approx((-1.0, -1.0), rel=1e-5)


class WithPartner(Optimizer):
    """Has a rule of its own for its parameters, and an optimizer for others."""

    def __init__(self, own, others):
        super().__init__([own], {})
        self.partner = SGD([others], lr=1.0)

    @torch.no_grad()
    def step(self, closure=None):
        for parameter in self.param_groups[0]["params"]:
            parameter -= parameter.grad
        self.partner.step()


def test_partner_for_other_parameters_is_an_optimizer_of_its_own():
    one, other = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    optimizer = WithPartner(one, other)
    with install("norm:1.0"):
        one.grad, other.grad = torch.tensor([30.0]), torch.tensor([40.0])
        optimizer.step()
    assert (one.item(), other.item()) == pytest.approx((-1.0, -1.0), rel=1e-5)


class Accumulating(Optimizer):
    """Steps what it wraps each second time."""

    def __init__(self, inner):
        super().__init__(inner.param_groups, {})
        self.inner, self.count = inner, 0

    def step(self, closure=None):
        self.count += 1
        if self.count % 2 == 0:
            self.inner.step()


@pytest.mark.filterwarnings("ignore:.*was expected to step another:UserWarning")
def test_step_that_is_made_now_and_then_is_clipped_when_it_is_made(parameter):
    optimizer = Accumulating(SGD([parameter], lr=1.0))
    with install("norm:1.0"):
        for _ in range(3):
            parameter.grad = None
            for _ in range(2):
                (parameter * torch.tensor([15.0, 20.0])).sum().backward()
                optimizer.step()
    torch.testing.assert_close(parameter.detach(), 3 * RIGHT, rtol=1e-5, atol=0)


class Misleading(SGD):
    """Names its base's step and does not call it."""

    @torch.no_grad()
    def step(self, closure=None):
        if self.param_groups[0]["lr"] < 0:
            return super().step(closure)
        for parameter in self.param_groups[0]["params"]:
            parameter -= parameter.grad
        return None


@pytest.mark.parametrize("how", ["attach", "install"])
def test_step_that_could_not_be_foreseen_is_told_once_and_clipped_from_then_on(parameter, how):
    optimizer = Misleading([parameter], lr=1.0)
    with clip(how, "norm:1.0", optimizer):
        pulled(parameter, scale=1.0)
        words = "norm:1.0 did not act in this step of Misleading, whose code was expected to step"
        with pytest.warns(UserWarning, match=words) as told:
            optimizer.step()
        assert told[0].filename == __file__
        for _ in range(2):
            before = parameter.detach().clone()
            pulled(parameter, scale=1.0)
            optimizer.step()
            torch.testing.assert_close(parameter.detach() - before, RIGHT, rtol=1e-4, atol=0)


class Own(SGD):
    """Writes the step anew, as many published optimizers do that inherit from torch's."""

    @torch.no_grad()
    def step(self, closure=None):
        for parameter in self.param_groups[0]["params"]:
            self.state[parameter]["step"] = self.state[parameter].get("step", 0) + 1
            parameter -= parameter.grad


def test_step_written_anew_is_clipped_from_the_first_on(parameter):
    optimizer = Own([parameter], lr=1.0)
    with install("norm:1.0"):
        pulled(parameter, scale=1.0)
        optimizer.step()
    torch.testing.assert_close(parameter.detach(), RIGHT, rtol=1e-5, atol=0)


class Sharpness(Optimizer):
    """SAM: climbs, evaluates the closure there, comes back and steps what it wraps."""

    def __init__(self, inner):
        super().__init__(inner.param_groups, {})
        self.inner = inner

    def step(self, closure):
        with torch.enable_grad():
            closure()
        parameters = self.param_groups[0]["params"]
        with torch.no_grad():
            for parameter in parameters:
                parameter += 1.0
        with torch.enable_grad():
            closure()
        with torch.no_grad():
            for parameter in parameters:
                parameter -= 1.0
        self.inner.step()


@pytest.mark.parametrize("how", ["attach", "install"])
def test_gradient_that_sharpness_aware_minimisation_uses_is_the_one_clipped(parameter, how):
    optimizer, seen = Sharpness(SGD([parameter], lr=1.0)), []

    def closure():
        pulled(parameter, scale=1.0)

    with clip(how, "norm:1.0", optimizer, seen):
        optimizer.step(closure)
    torch.testing.assert_close(parameter.detach(), RIGHT, rtol=1e-5, atol=0)
    assert len(seen) == 1


@pytest.mark.parametrize("how", ["attach", "install"])
def test_closure_that_is_handed_to_the_base_is_clipped_at_its_end(parameter, how):
    class Handing(SGD):
        def step(self, closure=None):
            return super().step(closure)

    optimizer, seen = Handing([parameter], lr=1.0), []

    def closure():
        pulled(parameter, scale=1.0)
        return 7.0

    with clip(how, "norm:1.0", optimizer, seen):
        assert optimizer.step(closure) == 7.0
    torch.testing.assert_close(parameter.detach(), RIGHT, rtol=1e-5, atol=0)
    assert len(seen) == 1


def test_torch_has_every_step_back_and_hooks_of_others_run_as_often_as_before(parameter):
    class Early(InPlace):
        pass

    before = [SGD.step, Finishing.step, Early.step, torch.optim.Adam.step]
    optimizer, calls = Early([parameter], lr=1.0), []
    optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    kept = optimizer.step
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer)
    pulled(parameter)
    optimizer.step()
    scheduler.step()
    expected, calls[:] = [*calls], []
    with install("norm:1.0"), attach("norm:2.0", optimizer) as handle:
        pulled(parameter)
        optimizer.step()
        assert calls == expected
        pulled(parameter)
        kept()
        assert handle.last.norm_before.item() == pytest.approx(1.0, rel=1e-5)
    assert [SGD.step, Finishing.step, Early.step, torch.optim.Adam.step] == before
    pulled(parameter)
    optimizer.step()
    assert parameter.grad.norm().item() == pytest.approx(50.0)


def replaced_by_closure(kind):
    hooked = kind.step
    kind.step = lambda self, *args, **kwargs: hooked(self, *args, **kwargs)


def replaced_out_of_sight(kind):
    hooked = [kind.step]
    kind.step = lambda self, *args, **kwargs: hooked[0](self, *args, **kwargs)


@pytest.mark.parametrize("replace", [replaced_by_closure, replaced_out_of_sight])
def test_step_that_is_replaced_behind_torch_s_back_is_clipped_all_the_same(parameter, replace):
    class Replaced(SGD):
        def step(self, closure=None):
            return super().step(closure)

    optimizer, seen = Replaced([parameter], lr=1.0), []
    replace(Replaced)
    Replaced.step.hooked = True
    with install("norm:1.0", lambda *given: seen.append(given)), attach("norm:0.5", optimizer):
        pulled(parameter, scale=1.0)
        optimizer.step()
    torch.testing.assert_close(parameter.detach(), RIGHT / 2, rtol=1e-5, atol=0)
    assert len(seen) == 1


def test_step_that_is_out_of_sight_cannot_be_left_out_and_that_is_said(parameter):
    class Replaced(SGD):
        def step(self, closure=None):
            return super().step(closure)

    optimizer = Replaced([parameter], lr=1.0)
    replaced_out_of_sight(Replaced)
    Replaced.step.hooked = True
    with attach("norm:0.5", optimizer, on_nonfinite="skip"):
        pulled(parameter, scale=float("nan"))
        words = "a step of Replaced cannot be left out, because something has replaced"
        with (
            pytest.warns(UserWarning, match="left out"),
            pytest.raises(ClipError, match=words),
        ):
            optimizer.step()
    assert parameter.tolist() == [0.0, 0.0]


def test_step_that_raises_inside_leaves_nothing_behind(parameter):
    class Broken(Wrapping):
        def step(self, closure=None):
            super().step()
            raise ValueError("broken")

    optimizer = Broken([parameter], lr=1.0)
    other = nn.Parameter(torch.zeros(2))
    with install("norm:1.0"):
        pulled(parameter)
        with pytest.raises(ValueError, match="broken"):
            optimizer.step()
        pulled(other, scale=1.0)
        SGD([other], lr=1.0).step()
    torch.testing.assert_close(other.detach(), RIGHT, rtol=1e-5, atol=0)


def test_gradients_are_let_go_of_with_the_step(parameter):
    optimizer = Wrapping([parameter], lr=1.0)
    with install("norm:1.0"):
        pulled(parameter)
        optimizer.step()
        parameter.grad = None
        gc.collect()
        shape = parameter.shape
        kept = [t for t in gc.get_objects() if type(t) is torch.Tensor and t.shape == shape]
    assert len(kept) <= 1  # the test's own constant


def test_optimizers_held_are_found_in_containers_and_nothing_else():
    (one, _), inner = two()
    optimizer = Both(inner)
    optimizer.by_name, optimizer.me = {"a": inner[0]}, optimizer
    assert held_by(optimizer) == [*inner, inner[0]]
    assert held_by(SGD([one])) == []


def test_first_steps_of_ordinary_optimizers_warn_of_nothing(parameter):
    with install("norm:1.0"), warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in (SGD, torch.optim.AdamW, torch.optim.NAdam, torch.optim.Rprop):
            pulled(parameter, scale=1.0)
            kind([parameter]).step()
