"""Samples are interleaved, long enough, and per call; the collector stays out of them."""

import gc

import pytest

from rnnswap.bench.extra_tables import milliseconds
from rnnswap.bench.timing import Samples, interleaved


class Clock:
    """Every call of key k takes k seconds; what was timed is written down."""

    def __init__(self):
        self.timed = []

    def __call__(self, call, times):
        self.timed.append((call(), times))
        return call() * times


def test_samples_are_interleaved_and_begin_with_another_each_time():
    clock = Clock()
    calls = {key: lambda key=key: key for key in (1.0, 2.0, 3.0)}
    found = interleaved(calls, clock, repeats=3, at_least=0)
    order = [key for key, _ in clock.timed[len(calls) :]]
    assert order == [1, 2, 3, 2, 3, 1, 3, 1, 2]
    assert found == {key: Samples(1, (key,) * 3) for key in calls}


def test_a_short_call_is_repeated_until_a_sample_lasts_and_counted_out_again():
    clock = Clock()
    (samples,) = interleaved({"a": lambda: 0.001}, clock, repeats=2, at_least=0.05).values()
    assert samples.calls == 50
    assert samples.seconds == pytest.approx((0.001, 0.001))
    assert [times for _, times in clock.timed] == [1, 4, 16, 50, 50]


def test_garbage_is_not_collected_meanwhile_but_afterwards_again():
    states = []

    def clock(call, times):
        states.append(gc.isenabled())
        return 1.0

    interleaved({"a": int}, clock, repeats=2, at_least=0)
    assert states[-2:] == [False, False]
    assert gc.isenabled()


def test_median_and_spread():
    samples = Samples(1, (1.0, 2.0, 3.0, 4.0, 100.0))
    assert samples.median == 3
    assert samples.spread == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.5e-6, "0.002"), (0.5e-3, "0.500"), (1e-3, "1.00"), (0.0123456, "12.3"), (1.234, "1234")],
)
def test_times_have_three_digits_or_more(seconds, text):
    assert milliseconds(seconds) == text
