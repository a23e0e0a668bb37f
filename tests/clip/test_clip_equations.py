"""Each policy against its equation, written out by hand over lists of numbers."""

import math
import statistics

import numpy as np
import pytest
import torch
from torch import nn

from rnnswap.clip import (
    AdaptiveClip,
    LayerNormClip,
    PercentileClip,
    RangeClip,
    ValueClip,
    ZClip,
    _gradients,
    _native,
)

#: Elements of a gradient that all threads share.
LARGE = 2**20
BUILT = not isinstance(_native._native.load(), str)
SHAPES = ((3,), (2, 4), (), (2, 3, 2))


def model(dtype=torch.float64):
    return [nn.Parameter(torch.randn(shape, dtype=dtype)) for shape in SHAPES]


def give_gradients(params, scale=1.0):
    for parameter in params:
        parameter.grad = scale * torch.randn_like(parameter)


def flat(tensors):
    return [value for t in tensors for value in t.detach().double().flatten().tolist()]


def size(values):
    return math.sqrt(sum(v * v for v in values))


@pytest.fixture(params=["C", "torch"])
def engine(request, monkeypatch):
    """What does the work: the C library, or torch's functions where it cannot."""
    if request.param == "torch":
        monkeypatch.setattr(_native, "_kernel", lambda *of: None)
    elif not BUILT:
        pytest.skip("the C library was not built")


def check(result, before, after, share):
    assert result.norm_before.item() == pytest.approx(size(before))
    assert result.norm_after.item() == pytest.approx(size(after), rel=1e-5)
    assert result.share.item() == pytest.approx(share)


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize(("low", "high"), [(-0.1, 1.0), (0.0, 0.5), (-1, 0), (-100.0, math.inf)])
def test_range_clamps_each_element(low, high, measured, engine):
    params = model()
    give_gradients(params)
    before = flat(p.grad for p in params)
    policy = RangeClip(low, high)
    result = policy.clip_(params) if measured else policy.bound_(params)
    after = [min(max(v, low), high) for v in before]
    assert flat(p.grad for p in params) == after
    if measured:
        changed = sum(a != b for a, b in zip(before, after, strict=True))
        check(result, before, after, changed / len(before))


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize("max_norm", [0.5, 2.0, 100.0])
def test_layer_norm_scales_each_parameter_by_itself(max_norm, measured, engine):
    params = model()
    give_gradients(params)
    before = flat(p.grad for p in params)
    after, changed, norms = [], 0, []
    for parameter in params:
        own = flat([parameter.grad])
        norms.append(size(own))
        factor = min(1.0, max_norm / (size(own) + 1e-6))
        after += [v * factor for v in own]
        changed += len(own) if factor < 1 else 0
    policy = LayerNormClip(max_norm)
    result = policy.clip_(params) if measured else policy.bound_(params)
    assert flat(p.grad for p in params) == pytest.approx(after)
    if measured:
        check(result, before, after, changed / len(before))
        assert result.norms.tolist() == pytest.approx(
            [size(flat([p])) for p in result_grads(before)]
        )


def result_grads(values):
    """The values in the parameters' shapes."""
    start, made = 0, []
    for shape in SHAPES:
        count = math.prod(shape)
        made.append(torch.tensor(values[start : start + count], dtype=torch.float64))
        start += count
    return made


def by_unit(tensor):
    """Rows of what has two or more dimensions, all elements of what has fewer."""
    return [flat([row]) for row in tensor] if tensor.dim() > 1 else [flat([tensor])]


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize(("ratio", "floor"), [(0.01, 1e-3), (0.5, 1e-3), (0.5, 10.0), (100.0, 1.0)])
def test_agc_bounds_each_unit_by_its_weights(ratio, floor, measured, engine):
    params = model()
    with torch.no_grad():
        params[1][0] = 0  # a unit that the floor alone lets learn
    give_gradients(params)
    params[3].grad[1] = 0
    before = flat(p.grad for p in params)
    after, changed = [], 0
    for parameter in params:
        for weights, own in zip(by_unit(parameter), by_unit(parameter.grad), strict=True):
            limit = ratio * max(size(weights), floor)
            if size(own) > limit:
                changed += len(own)
                own = [v * limit / size(own) for v in own]
            after += own
    policy = AdaptiveClip(ratio, floor=floor)
    result = policy.clip_(params) if measured else policy.bound_(params)
    assert flat(p.grad for p in params) == pytest.approx(after)
    if measured:
        check(result, before, after, changed / len(before))


def lengths(count):
    """Scales of gradients: mostly alike, at times much larger."""
    generator = np.random.default_rng(0)
    return [
        float(s) * (20 if n % 7 == 6 else 1) for n, s in enumerate(generator.gamma(4, 1, count))
    ]


def test_gradients_of_zero_are_not_said_to_be_clipped():
    params = model()
    for parameter in params:
        parameter.grad = torch.zeros_like(parameter)
    assert PercentileClip(50.0).clip_(params).share == 0


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize(
    ("percent", "steps"), [(0.0, 30), (10.0, 300), (50.0, 30), (97.5, 60), (100.0, 30)]
)
def test_percentile_follows_all_norms_so_far(percent, steps, asked, monkeypatch):
    monkeypatch.setattr(_gradients, "can_be_asked", lambda _: asked)
    params, policy, seen, acted = model(), PercentileClip(percent), [], 0
    for scale in lengths(steps):
        give_gradients(params, scale)
        before = flat(p.grad for p in params)
        seen.append(size(before))
        factor = min(1.0, np.percentile(seen, percent) / (seen[-1] + 1e-6))
        result = policy.clip_(params)
        assert flat(p.grad for p in params) == pytest.approx([v * factor for v in before])
        acted += result.clipped.item()
    assert acted > 0


@pytest.mark.parametrize(("z", "alpha", "warmup"), [(2.5, 0.97, 25), (1.0, 0.9, 3), (2.0, 0.5, 1)])
def test_zclip_bounds_outliers_by_their_z_score(z, alpha, warmup):
    params, policy, first, acted = model(), ZClip(z, alpha=alpha, warmup=warmup), [], 0
    mean = var = None
    for scale in lengths(120):
        give_gradients(params, scale)
        before = flat(p.grad for p in params)
        norm = bounded = size(before)
        if len(first) < warmup:
            first.append(norm)
            mean, var = statistics.fmean(first), statistics.pvariance(first)
        else:
            score = (norm - mean) / (math.sqrt(var) + 1e-6)
            if score > z:
                bounded = mean + z * math.sqrt(var) / (score / z)
                acted += 1
            mean = alpha * mean + (1 - alpha) * bounded
            var = alpha * var + (1 - alpha) * (bounded - mean) ** 2
        factor = min(1.0, bounded / (norm + 1e-6)) if bounded < norm else 1.0
        result = policy.clip_(params)
        assert flat(p.grad for p in params) == pytest.approx([v * factor for v in before])
        assert result.clipped.item() == (factor < 1)
    assert acted > 0
    assert policy.state_dict()["mean"].item() == pytest.approx(mean)
    assert policy.state_dict()["var"].item() == pytest.approx(var)


@pytest.mark.parametrize("policy", [PercentileClip(50.0), ZClip(2.0, warmup=2)], ids=str)
def test_statistics_of_half_precision_are_kept_in_single(policy):
    params = model(torch.bfloat16)
    give_gradients(params)
    result = policy.clip_(params)
    exact = size(flat(p.grad for p in params))
    assert result.norm_before.dtype == torch.float32
    assert result.norm_before.item() == pytest.approx(exact, rel=0.02)
    assert all(p.grad.dtype == torch.bfloat16 for p in params)


def scaled_by_torch(grads, weights, limit, floor):
    """The gradients with each row under its bound, and which elements that changed."""
    scaled, changed = [], []
    for grad, weight in zip(grads, weights, strict=True):
        rows, own = (t.double().reshape(len(t) if t.dim() > 1 else 1, -1) for t in (grad, weight))
        bound = limit * own.norm(dim=1, keepdim=True).clamp(min=floor)
        factor = (bound / rows.norm(dim=1, keepdim=True)).clamp(max=1)
        scaled.append((rows * factor).reshape(grad.shape))
        changed.append(int((factor < 1).sum()) * rows.shape[1])
    return scaled, changed


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_c_library_scales_rows_as_torch_on_every_length_and_level(dtype, monkeypatch):
    """Vectors and rows around the vectors' widths; also large ones that threads share."""
    if not BUILT:
        pytest.skip("the C library was not built")
    shapes = [*((n,) for n in range(40)), *((3, n) for n in range(1, 20)), (2, 2, 3)]
    shapes += [(LARGE + 5,), (1, LARGE), (130, LARGE // 128)]
    highest = _native._native.level()
    for level in range(highest + 1):
        monkeypatch.setattr(_native._native, "level", lambda level=level: level)
        grads = [torch.randn(shape, dtype=dtype) for shape in shapes]
        weights = [torch.randn(shape, dtype=dtype) for shape in shapes]
        grads[30][4], grads[50][1, 0] = math.nan, math.inf
        before = [g.clone() for g in grads]
        expected, changed = scaled_by_torch(grads, weights, 0.9, 2.0)
        rows = _native.scale_rows_(grads, weights, 0.9, floor=2.0)
        for ours, theirs in zip(grads, expected, strict=True):
            torch.testing.assert_close(ours, theirs.to(dtype), equal_nan=True)
        for row, tensors in ((rows[0], before), (rows[1], expected)):
            squares = torch.stack([t.double().square().sum() for t in tensors])
            torch.testing.assert_close(row, squares, rtol=1e-12, atol=1e-12, equal_nan=True)
        assert rows[2].tolist() == changed


def test_c_library_scales_by_no_weights_that_do_not_fit():
    grads = [torch.full((2, 3), 9.0), torch.full((3,), 9.0)]
    for strange in (torch.ones(2, 2), torch.ones(2, 3).double(), torch.ones(3, 2).t()):
        weights = [strange, torch.ones(3)]
        assert _native.scale_rows_(grads, weights, 0.1, floor=1.0) is None
    assert {v for g in grads for v in g.flatten().tolist()} == {9.0}


@pytest.mark.parametrize("policy", [LayerNormClip(2.0), AdaptiveClip(0.01)], ids=str)
def test_rows_of_finite_gradients_never_overflow(policy):
    """A sum of squares in single precision would: 1e30 is finite, its square is not."""
    if not BUILT:
        pytest.skip("the C library was not built")
    params = model(torch.float32)
    give_gradients(params, 1e30)
    before = [p.grad / p.grad.double().norm() for p in params if p.dim() < 2]
    result = policy.clip_(params)
    assert result.norms.isfinite().all()
    after = [p.grad / p.grad.double().norm() for p in params if p.dim() < 2]
    for ours, theirs in zip(after, before, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("policy", [ValueClip(0.5), RangeClip(-0.5, 0.5)], ids=str)
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_bounding_without_measuring_says_which_gradient_was_not_finite(policy, bad, engine):
    params = [nn.Parameter(torch.zeros(shape)) for shape in ((70_000,), (3,), (5, 2), (4,)) * 3]
    give_gradients(params)
    assert policy.bound_(params).isfinite().all()
    give_gradients(params)
    params[6].grad[2, 1] = bad
    found = policy.bound_(params).isfinite()
    assert [n for n, finite in enumerate(found.tolist()) if not finite] == [6]
    kept = params[6].grad[2, 1].item()
    assert math.isnan(kept) if math.isnan(bad) else kept == math.copysign(0.5, bad)


@pytest.mark.parametrize("bad", [math.inf, math.nan])
@pytest.mark.parametrize("policy", [PercentileClip(50.0), ZClip(2.0, warmup=2)], ids=str)
def test_statistics_never_see_what_is_not_finite(policy, bad):
    policy, twin, params = policy.fresh(), policy.fresh(), model()
    for number, scale in enumerate(lengths(20)):
        if number in (0, 7):
            give_gradients(params)
            params[1].grad[0, 0] = bad
            policy.clip_(params)
        give_gradients(params, scale)
        kept = [p.grad.clone() for p in params]
        policy.clip_(params)
        ours = [p.grad for p in params]
        for parameter, grad in zip(params, kept, strict=True):
            parameter.grad = grad
        twin.clip_(params)
        assert all(torch.equal(a, p.grad) for a, p in zip(ours, params, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("measure", [True, False])
def test_c_library_clamps_as_torch_on_every_length_and_level(dtype, measure, monkeypatch):
    """One gradient of each length around the vectors' widths; also many large ones, in a team."""
    if not BUILT:
        pytest.skip("the C library was not built")
    highest = _native._native.level()
    for level in range(highest + 1):
        monkeypatch.setattr(_native._native, "level", lambda level=level: level)
        grads = [torch.randn(n, dtype=dtype) for n in (*range(40), LARGE, LARGE + 7, 200_000)]
        grads[20][3], grads[33][-1], grads[-1][17] = math.nan, math.inf, -math.inf
        expected = [g.clamp(-0.3, 0.7) for g in grads]
        before = [g.clone() for g in grads]
        rows = _native.clamp_(grads, -0.3, 0.7, measure=measure)
        for ours, theirs in zip(grads, expected, strict=True):
            assert torch.equal(ours.nan_to_num(9), theirs.nan_to_num(9))
        finite = [bool(g.isfinite().all()) for g in before]
        assert rows[0].isfinite().tolist() == finite
        if measure:
            changed = [int(((g < -0.3) | (g > 0.7)).sum()) for g in before]
            assert rows[1].tolist() == changed
            for row, tensors in ((rows[2], before), (rows[3], expected)):
                squares = torch.stack([t.double().square().sum() for t in tensors])
                torch.testing.assert_close(row, squares, rtol=1e-12, atol=0, equal_nan=True)


def test_c_library_leaves_what_it_does_not_know_to_torch():
    plain = torch.full((4, 3), 2.0)
    sparse = [plain.to_sparse(), plain.to_mkldnn()]
    others_of = ([plain, plain.t()], [plain.half()], [plain, plain._neg_view()])
    for others in (*others_of, *([plain, s] for s in sparse), [plain, plain.double()]):
        assert _native.clamp_(others, -1, 1, measure=False) is None
    assert plain.unique().tolist() == [2.0]


def test_clamping_in_c_is_seen_by_autograd():
    x = torch.ones(3, requires_grad=True)
    y = x.exp()
    loss = (y * y).sum()
    if _native.clamp_([y.detach()], -1, 1, measure=False) is None:
        pytest.skip("the C library was not built")
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
