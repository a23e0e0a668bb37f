"""What a recorder says of a loop, and that torch is as before when it ends."""

import contextlib
import gc
import math
import tracemalloc

import pytest
import torch
from torch import nn
from torch.optim import optimizer as torch_optimizer

from rnnswap.clip import ClipResult, install
from rnnswap.errors import ClipError
from rnnswap.training.clock import Clock
from rnnswap.training.record import Recorder

BACKWARD = torch.autograd.backward
SCALE = torch.amp.GradScaler.scale


@pytest.fixture(autouse=True)
def torch_is_restored():
    yield
    assert torch.autograd.backward is BACKWARD
    assert torch.amp.GradScaler.scale is SCALE
    assert not torch_optimizer._global_optimizer_post_hooks


def recorded(loop, clip="none"):
    recorder = Recorder()
    with recorder, install(clip, callback=recorder.on_clip):
        loop()
    return recorder.summary()


def falling(*forces, size=4, fused=False):
    """Pull one parameter by each force in turn: the loss is the force, the gradient norm 2x."""
    parameter = nn.Parameter(torch.ones(size, dtype=torch.float64))
    optimizer = torch.optim.SGD([parameter], lr=0.0, fused=fused)

    def loop():
        for force in forces:
            optimizer.zero_grad()
            (parameter * force).sum().backward()
            optimizer.step()

    return loop


def first_loss(backward):
    """The loss of a step after what `backward` does."""

    def loop():
        backward()
        torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.0).step()

    return recorded(loop).first_loss


def test_steps_losses_and_norms_are_counted():
    summary = recorded(falling(1.0, 2.0, 3.0))
    assert summary.steps == 3
    assert (summary.first_loss, summary.last_loss) == (4.0, 12.0)
    assert summary.norm_before == summary.norm_after == pytest.approx((2 + 4 + 6) / 3)
    assert (summary.clipped_steps, summary.nonfinite) == (0, 0)
    assert summary.seconds > 0


@pytest.mark.parametrize("clip", ["norm:5.0", "value:2.5", "hook:-2.5,2.5"])
def test_share_clipped_and_norm_after_are_counted(clip):
    summary = recorded(falling(1.0, 2.0, 3.0, 4.0), clip=clip)
    assert (summary.steps, summary.clipped_steps) == (4, 2)
    assert summary.norm_before == pytest.approx((2 + 4 + 6 + 8) / 4)
    assert summary.norm_after == pytest.approx((2 + 4 + 5 + 5) / 4, rel=1e-6)


@pytest.mark.parametrize("batch", [1, 7, 1000])
@pytest.mark.parametrize("at_once", [True, False], ids=["cpu", "accelerator"])
def test_sums_do_not_depend_on_when_numbers_are_read(monkeypatch, batch, at_once):
    monkeypatch.setattr("rnnswap.training.record._BATCH", batch)
    monkeypatch.setattr("rnnswap.training.record._is_read_at_once", lambda _: at_once)
    forces = [float(n % 9 + 1) for n in range(50)]
    summary = recorded(falling(*forces), clip="norm:5.0")
    assert summary.clipped_steps == sum(2 * f > 5 for f in forces)
    assert summary.norm_before == pytest.approx(sum(2 * f for f in forces) / 50)
    assert summary.norm_after == pytest.approx(sum(min(2 * f, 5) for f in forces) / 50, rel=1e-6)


def test_nothing_that_happened_is_none():
    summary = recorded(lambda: None)
    assert (summary.steps, summary.clipped_steps, summary.nonfinite) == (0, 0, 0)
    assert summary.first_loss is summary.last_loss is None
    assert summary.norm_before is summary.norm_after is None


def test_backward_of_something_else_than_a_scalar_is_no_loss():
    def backward():
        weight = torch.ones(3, requires_grad=True)
        (weight * 2).backward(torch.ones(3))
        torch.autograd.backward([weight.sum()], [torch.ones(())])

    assert first_loss(backward) is None


def test_losses_given_together_are_summed():
    weight = torch.ones(3, requires_grad=True)
    assert first_loss(lambda: torch.autograd.backward([weight.sum(), (2 * weight).sum()])) == 9.0


def test_loss_of_one_element_is_a_loss():
    assert first_loss(lambda: (torch.ones(1, requires_grad=True) * 5).backward()) == 5.0


def test_loss_is_noted_as_it_was_at_backward():
    def backward():
        loss = torch.ones(2, requires_grad=True).sum()
        loss.backward()
        loss.detach().mul_(100)

    assert first_loss(backward) == 2.0


def test_failed_backward_is_not_noted():
    def backward():
        loss = torch.ones(2, requires_grad=True).exp().sum()
        loss.backward()
        with pytest.raises(RuntimeError, match="second time"):
            (loss * 2).backward()

    assert first_loss(backward) == pytest.approx(2 * math.e)


def test_loss_is_noted_before_the_grad_scaler_scales_it():
    def loop():
        parameter = nn.Parameter(torch.ones(4))
        optimizer = torch.optim.SGD([parameter], lr=0.0)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        for force in (1.0, 3.0):
            optimizer.zero_grad()
            scaler.scale((parameter * force).sum()).backward()
            scaler.step(optimizer)
            scaler.update()

    summary = recorded(loop)
    assert (summary.first_loss, summary.last_loss) == (4.0, 12.0)
    assert summary.norm_before == pytest.approx((2 + 6) / 2)


def test_disabled_grad_scaler_changes_nothing():
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    loss = torch.ones(2, requires_grad=True).sum()
    assert first_loss(lambda: scaler.scale(loss).backward()) == 2.0


@pytest.mark.filterwarnings("ignore:.*are not finite:UserWarning")
def test_infinite_norms_are_counted_and_left_out_of_the_mean():
    summary = recorded(falling(1.0, math.inf, math.nan, 3.0), clip="norm:100.0")
    assert summary.steps == 4
    assert summary.nonfinite == 2
    assert summary.norm_before == pytest.approx((2 + 6) / 2)


def test_closure_evaluated_several_times_is_one_step():
    parameter = nn.Parameter(torch.zeros(4, dtype=torch.float64))
    evaluations = []

    def loop():
        optimizer = torch.optim.LBFGS([parameter], lr=0.1, max_iter=5)

        def closure():
            optimizer.zero_grad()
            loss = ((parameter - 5) ** 2).sum()
            loss.backward()
            evaluations.append(loss)
            return loss

        optimizer.step(closure)

    summary = recorded(loop, clip="norm:0.5")
    assert len(evaluations) > 1
    assert (summary.steps, summary.clipped_steps) == (1, 1)
    assert summary.first_loss == evaluations[-1].item()


def test_steps_of_all_optimizers_are_counted():
    def loop():
        falling(1.0, 9.0)()
        falling(1.0)()

    summary = recorded(loop, clip="value:2.0")
    assert (summary.steps, summary.clipped_steps) == (3, 1)


class Twice(torch.optim.SGD):
    def step(self, closure=None):
        return super().step(closure)


def test_a_step_that_calls_its_base_class_is_one_step():
    parameter = nn.Parameter(torch.ones(2))
    optimizer = Twice([parameter], lr=0.1)

    def loop():
        for _ in range(3):
            parameter.sum().backward()
            optimizer.step()

    assert recorded(loop, "norm:1.0").steps == 3


def test_torch_is_restored_after_an_exception():
    def loop():
        falling(1.0)()
        raise KeyboardInterrupt

    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt), recorder:
        loop()
    assert recorder.summary().steps == 1


def test_wrapper_put_on_top_by_others_survives():
    recorder = Recorder()
    with recorder:
        ours = torch.autograd.backward
        theirs = torch.autograd.backward = lambda *args, **kwargs: ours(*args, **kwargs)
    try:
        assert torch.autograd.backward is theirs
    finally:
        torch.autograd.backward = BACKWARD


def test_recording_reads_nothing_out_of_a_tensor(monkeypatch):
    """Reading a number out would stop the loop until the device has caught up.

    There need not be such a device here: tensors on the CPU go the way of those on one.
    """

    def refuse(tensor, *_):
        raise AssertionError("the recorder read a tensor on the host")

    monkeypatch.setattr("rnnswap.training.record._is_read_at_once", lambda _: False)
    parameter = nn.Parameter(torch.ones(4))
    optimizer = torch.optim.SGD([parameter], lr=0.0)
    with Recorder() as recorder, monkeypatch.context() as patch:
        for name in ("item", "tolist", "__bool__", "__float__", "__int__", "cpu", "numpy"):
            patch.setattr(torch.Tensor, name, refuse)
        for force in (1.0, 2.0):
            (parameter * force).sum().backward()
            norm = torch.tensor(force)
            recorder.on_clip(optimizer, ClipResult(norm, norm / 2, norm - 1))
            optimizer.step()
    summary = recorder.summary()
    assert (summary.last_loss, summary.clipped_steps) == (8.0, 1)
    assert (summary.norm_before, summary.norm_after) == (1.5, 0.75)


@pytest.mark.parametrize("at_once", [True, False], ids=["cpu", "accelerator"])
def test_memory_does_not_grow_with_the_steps(monkeypatch, at_once):
    monkeypatch.setattr("rnnswap.training.record._is_read_at_once", lambda _: at_once)
    counted = []
    recorder = Recorder(lambda steps: counted.append(len(steps)))
    loop = falling(*[1.0] * 600)
    with recorder, install("norm:3.0", recorder.on_clip):
        loop()
        tracemalloc.start()
        try:
            loop()
            before = tracemalloc.get_traced_memory()[0]
            loop()
            loop()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
    recorder.flush()
    assert sum(counted) == 2400
    assert max(counted) <= 256
    # 1,200 steps kept would be half a megabyte.
    assert grown < 100_000


def stepping_in_backward(clip="none", count=40):
    """One optimizer for each parameter, which steps as soon as its gradient is there."""
    torch.manual_seed(0)
    parameters = [nn.Parameter(torch.randn(64, 64) / 8) for _ in range(6)]
    optimizers = {p: torch.optim.SGD([p], lr=1e-3) for p in parameters}

    def step(parameter):
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()

    for parameter in parameters:
        parameter.register_post_accumulate_grad_hook(step)

    def loop():
        for _ in range(count):
            x = torch.ones(8, 64)
            for parameter in parameters:
                x = x @ parameter
            (x.square().mean() * 100).backward()

    return recorded(loop, clip)


@pytest.mark.parametrize("count", [1, 2, 40])
def test_shares_of_time_are_right_where_optimizers_step_within_backward(count):
    summary = stepping_in_backward(count=count)
    assert (summary.steps, summary.optimizers) == (6 * count, 6)
    assert summary.backward_share > 0
    assert summary.optimizer_share > 0
    assert summary.backward_share + summary.optimizer_share <= 1


def test_each_moment_counts_for_what_began_last(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("rnnswap.training.clock.time.perf_counter", lambda: now[0])
    clock = Clock()

    def wait(seconds):
        now[0] += seconds

    wait(1)
    backward = clock.begin("backward")
    wait(2)
    step = clock.begin("optimizer")
    wait(4)
    assert clock.spent() == (2, 4)
    clock.end(step)
    wait(8)
    clock.end(backward)
    wait(16)
    clock.end(step)
    clock.end(None)
    assert clock.spent() == (8, 0)
    assert clock.spent() == (0, 0)


def test_time_after_a_step_that_raised_is_not_the_step_s_for_good():
    parameter = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([parameter], lr=0.0)

    def loop():
        for force in (1.0, math.nan, 1.0):
            optimizer.zero_grad()
            (parameter.sum() * force).backward()
            with contextlib.suppress(ClipError):
                optimizer.step()

    recorder = Recorder()
    with recorder, install("norm:1.0", recorder.on_clip, on_nonfinite="raise"):
        loop()
        assert not recorder._clock._under_way
    assert recorder.summary().steps == 2


def fresh_latents(count):
    """A loop that makes a new optimizer over a new parameter at every step."""

    def loop():
        for _ in range(count):
            latent = nn.Parameter(torch.ones(3))
            optimizer = torch.optim.SGD([latent], lr=0.1)
            latent.sum().backward()
            optimizer.step()

    return loop


@pytest.mark.parametrize("clip", ["none", "norm:1.0"])
def test_new_optimizers_do_not_make_the_process_be_searched(clip, monkeypatch):
    gc.collect()  # handles that other tests have left know the modules already
    looks, real = [], gc.get_objects
    monkeypatch.setattr(gc, "get_objects", lambda: looks.append(1) or real())
    recorded(fresh_latents(30), clip)
    assert not looks  # nobody reads the layers
    init, steps = nn.Module.__init__, []
    recorder = Recorder(steps.extend)
    with recorder, install(clip, callback=recorder.on_clip):
        fresh_latents(200)()
    recorder.flush()
    assert len(looks) == 1
    assert nn.Module.__init__ is init
    # Of the first optimizers each, then each tenth.
    of_layers = [step.step for step in steps if step.layers]
    assert of_layers == [*range(1, 11), *range(11, 201, 10)]
