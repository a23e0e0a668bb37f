"""One clipping over several optimizers of one model."""

import math

import pytest
import torch
from torch import nn

from rnnswap.clip import attach
from rnnswap.errors import ClipError


def make(*kinds):
    kinds = kinds or (torch.optim.SGD, torch.optim.SGD)
    parameters = [nn.Parameter(torch.zeros(1)) for _ in kinds]
    return parameters, [kind([p], lr=1.0) for kind, p in zip(kinds, parameters, strict=True)]


def give(parameters, *values):
    for parameter, value in zip(parameters, values, strict=True):
        parameter.grad = None if value is None else torch.full_like(parameter, float(value))


def values(parameters):
    return [p.item() for p in parameters]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_norm_is_that_of_all_whoever_steps_first(order):
    parameters, optimizers = make()
    seen = []
    handle = attach("norm:1.0", optimizers, lambda optimizer, result: seen.append(optimizer))
    for count in (1, 2, 3):
        give(parameters, 30, 40)
        for number in order:
            optimizers[number].step()
        assert values(parameters) == pytest.approx([-0.6 * count, -0.8 * count], rel=1e-5)
        assert handle.last.norm_before.item() == pytest.approx(50.0)
    assert seen == [optimizers[order[0]]] * 3
    handle.detach()
    give(parameters, 30, 40)
    optimizers[0].step()
    assert not any(o._optimizer_step_pre_hooks for o in optimizers)
    assert parameters[0].grad.item() == 30


def test_statistics_are_those_of_all_and_counted_once_and_saved():
    parameters, optimizers = make()
    with attach("percentile:100", optimizers) as handle:
        for size in (1.0, 2.0):
            give(parameters, 30 * size, 40 * size)
            for optimizer in optimizers:
                optimizer.step()
        assert handle.policy.state_dict()["norms"].tolist() == pytest.approx([50, 100])
        saved = optimizers[1].state_dict()
    _, others = make()
    with attach("percentile:100", others) as handle:
        others[1].load_state_dict(saved)
        assert int(handle.policy.state_dict()["count"]) == 2


def test_one_that_steps_each_second_time_is_clipped_with_the_others():
    parameters, optimizers = make()
    with attach("norm:1.0", optimizers):
        for number in range(4):
            give(parameters, 30, 40)
            optimizers[0].step()
            if number % 2:
                optimizers[1].step()
    assert values(parameters) == pytest.approx([-2.4, -1.6], rel=1e-5)


def test_one_without_gradient_is_left_alone():
    parameters, optimizers = make()
    with attach("norm:1.0", optimizers):
        give(parameters, 30, None)
        for optimizer in optimizers:
            optimizer.step()
    assert values(parameters) == pytest.approx([-1.0, 0.0], rel=1e-5)


@pytest.mark.filterwarnings("ignore:.*are not finite:UserWarning")
@pytest.mark.parametrize("bad", [(math.nan, 40), (30, math.nan)])
def test_skip_leaves_the_steps_of_all_out(bad):
    parameters, optimizers = make(torch.optim.SGD, torch.optim.Adam)
    with attach("norm:1.0", optimizers, on_nonfinite="skip") as handle:
        give(parameters, *bad)
        for optimizer in optimizers:
            optimizer.step()
        assert handle.nonfinite == 1
        assert values(parameters) == [0.0, 0.0]
        assert [p.grad for p in parameters] == [None, None]
        assert not optimizers[1].state
        give(parameters, 30, 40)
        for optimizer in optimizers:
            optimizer.step()
    assert values(parameters) == pytest.approx([-0.6, -1.0], rel=1e-5)


def test_gradients_made_between_the_steps_are_refused_in_words():
    parameters, optimizers = make()
    with attach("norm:1.0", optimizers):
        give(parameters, 30, 40)
        optimizers[0].step()
        give(parameters, 30, 40)
        words = r"norm:1.0 over 2 optimizers bounds gradients that are all there.*attach to each"
        with pytest.raises(ClipError, match=words):
            optimizers[1].step()


def scaled_step(scaler, parameters, optimizers, *, unscale):
    scaler.scale(30 * parameters[0] + 40 * parameters[1]).backward()
    for optimizer in optimizers if unscale else ():
        scaler.unscale_(optimizer)
    for optimizer in optimizers:
        scaler.step(optimizer)
    scaler.update()


@pytest.mark.parametrize("fused", [False, True])
def test_grad_scaler_must_have_unscaled_all(fused):
    def sgd(parameters, lr):
        return torch.optim.SGD(parameters, lr=lr, fused=fused)

    parameters, optimizers = make(sgd, sgd)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with attach("norm:1.0", optimizers):
        scaled_step(scaler, parameters, optimizers, unscale=True)
        assert values(parameters) == pytest.approx([-0.6, -0.8], rel=1e-4)
        with pytest.raises(ClipError, match=r"scaler.unscale_ for each"):
            scaled_step(scaler, parameters, optimizers, unscale=False)


def test_closures_clip_all_at_each_end():
    parameters, optimizers = make()

    def closure():
        give(parameters, 30, 40)

    with attach("norm:1.0", optimizers):
        for optimizer in optimizers:
            optimizer.step(closure)
    assert values(parameters) == pytest.approx([-0.6, -0.8], rel=1e-5)


def test_rules_by_name_are_asked_of_all():
    model = nn.Linear(1, 1)
    optimizers = [torch.optim.SGD([p], lr=1.0) for p in model.parameters()]
    with attach("norm:1.0;bias=none", optimizers, model=model):
        give([*model.parameters()], 30, 40)
        for optimizer in optimizers:
            optimizer.step()
    assert [p.grad.item() for p in model.parameters()] == pytest.approx([1.0, 40.0], rel=1e-5)


def test_list_of_one_is_that_one_and_nothing_or_the_same_twice_is_refused():
    parameters, optimizers = make()
    with attach("norm:1.0", optimizers[:1]):
        give(parameters, 30, 40)
        optimizers[0].step()
    assert parameters[0].item() == pytest.approx(-1.0, rel=1e-5)
    with pytest.raises(ClipError, match="one or more different optimizers, got 0"):
        attach("norm:1.0", [])
    with pytest.raises(ClipError, match="got 2 of which some are the same"):
        attach("norm:1.0", optimizers[:1] * 2)
    with pytest.raises(ClipError, match="got str"):
        attach("norm:1.0", ["sgd"])
    with pytest.raises(ClipError, match="got dict"):
        attach("norm:1.0", {})


def test_optimizer_that_makes_gradients_of_its_own_is_refused_in_words():
    class Masters(torch.optim.Optimizer):
        def __init__(self, parameters, lr):
            super().__init__(parameters, {})
            self.copy = nn.Parameter(torch.zeros(1))
            self.inner = torch.optim.SGD([self.copy], lr=lr)

        def step(self, closure=None):
            self.copy.grad = self.param_groups[0]["params"][0].grad / 1024
            self.inner.step()

    parameters, optimizers = make(Masters, torch.optim.SGD)
    with attach("norm:1.0", optimizers):
        give(parameters, 30, 40)
        with pytest.raises(ClipError, match="the step of Masters makes gradients of its own"):
            optimizers[0].step()
