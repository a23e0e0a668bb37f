"""Comparisons by one rule everywhere: errors relative to the largest value of the truth."""

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
    assert actual.shape == truth.shape
    allowed = 2 * relative_error(eager, truth) + torch.finfo(actual.dtype).eps
    error = relative_error(actual, truth)
    assert error <= allowed, f"relative error {error:.3g}, allowed {allowed:.3g}"
