"""Curves of bounded length, and how many points they keep."""

import math

import pytest

from rnnswap.training.page import track as tracks
from rnnswap.training.page.track import Curve, Track


def tracked(count, monkeypatch, points=8):
    monkeypatch.setattr(tracks, "POINTS", points)
    track = Track()
    for step in range(1, count + 1):
        track.add(step, [("loss", float(step)), ("late", step if step > count / 2 else None)])
    return track


@pytest.mark.parametrize(
    ("count", "width"), [(1, 1), (8, 1), (9, 2), (16, 2), (17, 4), (1000, 128)]
)
def test_as_many_steps_share_a_point_as_it_takes(monkeypatch, count, width):
    track = tracked(count, monkeypatch)
    means = track.curves["loss"].means()
    assert track.width == width
    assert len(means) == math.ceil(count / width) <= 8
    assert track.steps(len(means))[:2] == [(width + 1) / 2, width + (width + 1) / 2][: len(means)]
    assert means[0] == (min(width, count) + 1) / 2
    assert track.curves["loss"].least()[-1] == (len(means) - 1) * width + 1
    assert track.curves["loss"].greatest()[-1] == count


def test_what_is_missing_stays_missing(monkeypatch):
    late = tracked(16, monkeypatch).curves["late"]
    assert late.means() == [None] * 4 + [9.5, 11.5, 13.5, 15.5]
    assert late.least()[0] is late.greatest()[0] is None


def test_step_far_away_costs_no_memory():
    track = Track()
    track.add(1, [("loss", 1.0)])
    track.add(10**18, [("loss", 2.0)])
    assert len(track.curves["loss"].counts) <= tracks.POINTS
    assert [v for v in track.curves["loss"].means() if v is not None] == [1.0, 2.0]


def test_shares_weigh_steps_not_points():
    curve = Curve()
    for position, value in [(0, 1.0), (0, 1.0), (0, 1.0), (1, 0.0), (2, 1.0), (3, 0.0)]:
        curve.add(position, value)
    assert curve.shares(4) == [1.0, 0.0, 1.0, 0.0]
    assert curve.shares(2) == [0.75, 0.5]
    assert curve.counts == [3, 1, 1, 1]
