"""How often gradients are measured that nobody clips."""

import pytest

from rnnswap.training import sampling
from rnnswap.training.sampling import Sampler


class Loop:
    """Steps of one second each, whose measurement takes `cost` seconds, on a clock of its own."""

    def __init__(self, monkeypatch, cost):
        self.now, self.cost, self.measured = 0.0, cost, []
        monkeypatch.setattr(sampling.time, "perf_counter", lambda: self.now)
        self.sampler = Sampler(self)

    def begin(self, step, args, kwargs):
        self.now += self.cost
        self.measured.append(step.optimizer)
        return "changed"

    def run(self, count, *optimizers):
        for _ in range(count):
            for optimizer in optimizers:
                self.now += 1.0
                self.sampler.begin(Begun(optimizer), (), {})


class Optimizer:
    pass


class Begun:
    goes_inside = False

    def __init__(self, optimizer):
        self.optimizer = optimizer


@pytest.mark.parametrize(("cost", "times"), [(0.001, 1000), (0.009, 1000), (0.05, 170), (0.5, 20)])
def test_measuring_takes_a_hundredth_of_the_time(monkeypatch, cost, times):
    loop = Loop(monkeypatch, cost)
    loop.run(1000, Optimizer())
    assert len(loop.measured) == pytest.approx(times, rel=0.2)
    assert len(loop.measured) * cost < 0.012 * loop.now


def test_optimizers_that_take_turns_are_all_measured(monkeypatch):
    loop, one, other = Loop(monkeypatch, 0.02), Optimizer(), Optimizer()
    loop.run(100, one, other)
    assert loop.measured.count(one) == loop.measured.count(other) > 30


def test_one_slow_measurement_does_not_end_them(monkeypatch):
    loop, optimizer = Loop(monkeypatch, 0.001), Optimizer()
    loop.run(10, optimizer)
    loop.cost = 1000.0
    loop.run(1, optimizer)
    loop.cost = 0.001
    loop.run(100, optimizer)
    assert len(loop.measured) > 105


def test_arguments_that_the_listener_returns_go_on(monkeypatch):
    loop = Loop(monkeypatch, 0.001)
    assert loop.sampler.begin(Begun(Optimizer()), (), {}) == "changed"


def test_optimizers_that_are_always_new_are_measured_now_and_then(monkeypatch):
    loop = Loop(monkeypatch, 0.05)
    loop.run(1, *(Optimizer() for _ in range(1000)))
    assert len(loop.measured) == 10 + 99
