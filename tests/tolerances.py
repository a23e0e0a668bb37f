"""Comparisons by one rule everywhere: errors relative to the largest value of the truth."""

from statistics import fmean

import torch


def relative_error(actual, truth):
    """max|a - b| / max|b| in float64; 0 for two empty or two zero tensors."""
    actual, truth = actual.detach().double(), truth.detach().double()
    difference = (actual - truth).abs()
    if difference.numel() == 0 or difference.max() == 0:
        return 0.0
    return float(difference.max() / truth.abs().max().clamp_min(1e-300))


def assert_same(actual, truth, *, eps=64):
    """Equal up to rounding: within `eps` units in the last place of the largest value."""
    assert actual.shape == truth.shape
    error, allowed = relative_error(actual, truth), eps * torch.finfo(actual.dtype).eps
    assert error <= allowed, f"relative error {error:.3g}, allowed {allowed:.3g}"


def assert_as_close_as_eager(actual, eager, truth):
    """At most twice the error of eager PyTorch against float64, plus one unit in the last place."""
    assert_draws_as_close_as_eager([(actual, eager, truth)])


def assert_draws_as_close_as_eager(draws):
    """The same of the mean over several (actual, eager, truth): the luck of one decides nothing."""
    assert all(actual.shape == truth.shape for actual, _, truth in draws)
    error = fmean(relative_error(actual, truth) for actual, _, truth in draws)
    eager = fmean(relative_error(eager, truth) for _, eager, truth in draws)
    allowed = 2 * eager + torch.finfo(draws[0][0].dtype).eps
    assert error <= allowed, f"relative error {error:.3g}, allowed {allowed:.3g}"
