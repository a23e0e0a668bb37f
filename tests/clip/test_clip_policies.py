"""Each policy against its equation, and the laws that hold for all of them."""

import copy
import math
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import rnnswap.clip
from rnnswap.clip import HookClip, NoClip, NormClip, ValueClip, attach
from rnnswap.errors import ClipError

GRADIENTS = ([3.0, -4.0, 0.05], [[-0.5, 0.0], [12.0, 2.0]])
FLAT = [value for part in ([3.0, -4.0, 0.05], [-0.5, 0.0, 12.0, 2.0]) for value in part]


def parameters(*gradients, dtype=torch.float64):
    made = [nn.Parameter(torch.zeros_like(torch.tensor(g, dtype=dtype))) for g in gradients]
    for parameter, gradient in zip(made, gradients, strict=True):
        parameter.grad = torch.tensor(gradient, dtype=dtype)
    return made


def flat(params):
    return [value for p in params for value in p.grad.flatten().tolist()]


def norm(values, p=2.0):
    if p == math.inf:
        return max(abs(v) for v in values)
    return sum(abs(v) ** p for v in values) ** (1 / p)


def test_none_leaves_gradients_and_measures_them():
    params = parameters(*GRADIENTS)
    result = NoClip().clip_(params)
    assert flat(params) == FLAT
    assert result.norm_before.item() == pytest.approx(norm(FLAT))
    assert result.norm_after.item() == result.norm_before.item()
    assert result.share.item() == 0
    assert not result.clipped


@pytest.mark.parametrize("limit", [0.04, 1.0, 5, 100.0])
def test_value_clamps_each_element(limit):
    params = parameters(*GRADIENTS)
    result = ValueClip(limit).clip_(params)
    expected = [min(max(v, -limit), limit) for v in FLAT]
    assert flat(params) == expected
    assert result.norm_before.item() == pytest.approx(norm(FLAT))
    assert result.norm_after.item() == pytest.approx(norm(expected))
    assert result.share.item() == pytest.approx(sum(abs(v) > limit for v in FLAT) / len(FLAT))
    assert result.clipped.item() == (limit < 12)


def test_value_measures_many_gradients_of_any_size_and_type():
    """Small ones are measured together, large ones alone, each type by itself."""
    shapes = [(3,), (), (5, 2), (0,), (40_000,)] * 12
    params = []
    for number, shape in enumerate(shapes):
        dtype = torch.float32 if number % 7 == 0 else torch.float64
        params.append(nn.Parameter(torch.zeros(shape, dtype=dtype)))
        params[-1].grad = (
            torch.arange(math.prod(shape), dtype=dtype) % 9 - 4 + number % 3
        ).reshape(shape)
    params[0].grad = params[0].grad.flip(0)
    params[2].grad = params[2].grad.t().contiguous().t()
    before = torch.cat([p.grad.flatten().double() for p in params])
    result = ValueClip(2.5).clip_(params)
    after = torch.cat([p.grad.flatten().double() for p in params])
    assert torch.equal(after, before.clamp(-2.5, 2.5))
    assert result.norm_before.item() == pytest.approx(before.norm().item())
    assert result.norm_after.item() == pytest.approx(after.norm().item())
    assert result.share.item() == pytest.approx((before != after).double().mean().item())


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5, math.inf])
@pytest.mark.parametrize("max_norm", [0.5, 5.0, 1000.0])
def test_norm_scales_all_gradients_together(max_norm, p):
    params = parameters(*GRADIENTS)
    result = NormClip(max_norm, p=p).clip_(params)
    before = norm(FLAT, p)
    factor = min(1.0, max_norm / (before + 1e-6))
    assert flat(params) == pytest.approx([v * factor for v in FLAT])
    assert result.norm_before.item() == pytest.approx(before)
    assert result.norm_after.item() == pytest.approx(norm(flat(params), p))
    assert result.share.item() == (1.0 if factor < 1 else 0.0)


@pytest.mark.parametrize(("low", "high"), [(-0.1, 1.0), (0.0, 2.0), (-1, 0), (-100.0, math.inf)])
def test_hook_clamps_each_backward_with_its_own_bounds(low, high):
    policy = HookClip(low, high)
    weights = [torch.tensor(g, dtype=torch.float64) for g in GRADIENTS]
    params = [nn.Parameter(torch.zeros_like(w)) for w in weights]
    for parameter in params:
        policy.watch(parameter)
    sum((w * p).sum() for w, p in zip(weights, params, strict=True)).backward()
    expected = [min(max(v, low), high) for v in FLAT]
    assert flat(params) == expected
    result = policy.clip_(params)
    assert flat(params) == expected
    assert result.norm_before.item() == pytest.approx(norm(FLAT))
    assert result.norm_after.item() == pytest.approx(norm(expected))
    changed = sum(a != b for a, b in zip(FLAT, expected, strict=True))
    assert result.share.item() == pytest.approx(changed / len(FLAT))


def test_hook_acts_on_each_backward_of_an_accumulation():
    policy = HookClip(-1, 5)
    parameter = nn.Parameter(torch.zeros(()))
    policy.watch(parameter)
    for _ in range(4):
        (30 * parameter).backward()
    assert parameter.grad.item() == 20
    result = policy.clip_([parameter])
    assert result.norm_before.item() == pytest.approx(60)
    assert result.norm_after.item() == pytest.approx(10)


@pytest.mark.parametrize("set_to_none", [True, False])
def test_hook_forgets_what_was_cleared_or_used(set_to_none):
    policy = HookClip(-1, 1)
    parameter = nn.Parameter(torch.zeros(()))
    policy.watch(parameter)
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    (30 * parameter).backward()
    if not set_to_none:
        policy.clip_([parameter])
    optimizer.zero_grad(set_to_none=set_to_none)
    (7 * parameter).backward()
    assert policy.clip_([parameter]).norm_before.item() == 7


def test_hook_watched_twice_acts_once_until_the_last_watch_ends():
    policy = HookClip(-1, 1)
    parameter = nn.Parameter(torch.zeros(()))
    first, second = policy.watch(parameter), policy.watch(parameter)
    assert len(parameter._backward_hooks) == 1
    first.remove()
    first.remove()
    (3 * parameter).backward()
    assert parameter.grad.item() == 1
    second.remove()
    parameter.grad = None
    (3 * parameter).backward()
    assert parameter.grad.item() == 3
    policy.watch(parameter)
    parameter.grad = None
    (3 * parameter).backward()
    assert parameter.grad.item() == 1


def test_hook_keeps_its_turn_among_others_when_measuring_starts_and_ends():
    policy, seen = HookClip(-1, 1), []
    parameter = nn.Parameter(torch.zeros(()))
    parameter.register_hook(lambda g: seen.append(g.item()))
    watch = policy.watch(parameter)
    parameter.register_hook(lambda g: seen.append(g.item()))
    for wanted in (False, True, False):
        policy.measured(seen, wanted=wanted)
        parameter.grad = None
        (3 * parameter).backward()
        if wanted:
            assert policy.clip_([parameter]).norm_before.item() == 3
    assert seen == [3, 1] * 3
    watch.remove()
    assert len(parameter._backward_hooks) == 2


def test_hook_clamps_at_the_step_what_it_did_not_watch():
    policy = HookClip(-0.1, 1.0)
    params = parameters(*GRADIENTS)
    result = policy.clip_(params)
    assert flat(params) == [min(max(v, -0.1), 1.0) for v in FLAT]
    assert result.norm_before.item() == pytest.approx(norm(FLAT))
    assert result.norm_after.item() == pytest.approx(norm(flat(params)))


def test_hook_keeps_the_graph_of_a_double_backward():
    parameter = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    HookClip(-100, 100).watch(parameter)
    (gradient,) = torch.autograd.grad(parameter**3, [parameter], create_graph=True)
    (second,) = torch.autograd.grad(gradient, [parameter])
    assert second.item() == 12


@pytest.mark.parametrize(
    "policy", [ValueClip(1.0), HookClip(-1, 1)], ids=lambda p: str(p).partition(":")[0]
)
def test_clamping_lets_nan_through_and_does_not_count_it(policy):
    (parameter,) = parameters([math.nan, 0.5, math.inf])
    result = policy.clip_([parameter])
    assert parameter.grad[0].isnan()
    assert parameter.grad[1:].tolist() == [0.5, 1.0]
    assert result.share.item() == pytest.approx(1 / 3)


def sparse_parameter():
    table = nn.Embedding(5, 3, sparse=True)
    table(torch.tensor([1, 1, 2])).sum().backward()
    return table.weight


@pytest.mark.parametrize("policy", [ValueClip(1.0), NormClip(1.0), HookClip(-1, 1)], ids=str)
def test_sparse_gradient_is_refused_in_words(policy):
    with pytest.raises(ClipError, match=r"sparse gradient of shape \(5, 3\); make it dense"):
        policy.clip_([sparse_parameter()])


def test_sparse_gradient_is_refused_in_the_hook():
    table = nn.Embedding(5, 3, sparse=True)
    HookClip(-1, 1).watch(table.weight)
    with pytest.raises(ClipError, match=r"hook:-1.0,1.0 cannot bound the sparse gradient"):
        table(torch.tensor([1])).sum().backward()


def test_none_measures_sparse_gradients():
    result = NoClip().clip_([sparse_parameter()])
    # Rows 1 (looked up twice) and 2 of three elements each.
    assert result.norm_before.item() == pytest.approx(math.sqrt(3 * 4 + 3 * 1))


def complex_parameter():
    parameter = nn.Parameter(torch.zeros(2, dtype=torch.complex64))
    parameter.grad = torch.tensor([3 + 4j, 0])
    return parameter


@pytest.mark.parametrize("policy", [ValueClip(1.0), HookClip(-1, 1)], ids=str)
def test_complex_gradient_cannot_be_clamped(policy):
    with pytest.raises(ClipError, match="complex numbers have no order; use norm instead"):
        policy.clip_([complex_parameter()])


def test_norm_scales_complex_gradients():
    parameter = complex_parameter()
    assert NormClip(1.0).clip_([parameter]).norm_before.item() == pytest.approx(5)
    assert parameter.grad[0].abs().item() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("bound", [0, -1.0, math.nan, "1", None, True])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (ValueClip, "limit"),
        (NormClip, "max_norm"),
        (lambda bound: NormClip(1.0, p=bound), "p"),
    ],
)
def test_bound_must_be_a_positive_number(make, name, bound):
    with pytest.raises(ClipError, match=f"{name} must be (> 0|a number), got {bound!r}"):
        make(bound)


@pytest.mark.parametrize(("low", "high"), [(0.1, 1.0), (-1.0, -0.1), (1.0, -1.0)])
def test_hook_bounds_must_enclose_zero(low, high):
    with pytest.raises(ClipError, match=f"got low={low} and high={high}, which would shift"):
        HookClip(low, high)


@pytest.mark.parametrize(
    "policy", [NoClip(), ValueClip(2), NormClip(1, p=math.inf), HookClip(-0.1, 1)], ids=str
)
def test_policies_copy_and_pickle(policy):
    rebuilt = eval(repr(policy), {**vars(rnnswap.clip), "inf": math.inf})
    for twin in (copy.deepcopy(policy), pickle.loads(pickle.dumps(policy)), rebuilt):
        assert twin == policy
        assert hash(twin) == hash(policy)
    assert type(policy).__module__ == "rnnswap.clip"


def test_copied_hook_policy_bounds_nothing_yet():
    policy = HookClip(-1, 1)
    parameter = nn.Parameter(torch.zeros(()))
    policy.watch(parameter)
    assert len(policy._passages) == 1
    assert len(copy.deepcopy(policy)._passages) == 0


elements = st.floats(-1e6, 1e6, width=32)
bounds = st.floats(1e-4, 1e4)


@given(
    gradient=st.lists(elements, min_size=1, max_size=20),
    policy=st.one_of(
        st.builds(ValueClip, bounds),
        st.builds(NormClip, bounds, p=st.sampled_from([1.0, 2.0, 3.0, math.inf])),
        st.builds(HookClip, bounds.map(lambda b: -b), bounds),
        st.just(NoClip()),
    ),
)
def test_clipping_never_raises_a_norm(gradient, policy):
    parameter = nn.Parameter(torch.zeros(len(gradient), dtype=torch.float64))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    with attach(policy, optimizer) as handle:
        (parameter * torch.tensor(gradient, dtype=torch.float64)).sum().backward()
        optimizer.step()
    result = handle.last
    assert result.norm_after <= result.norm_before
    assert parameter.grad.abs().max() <= max(abs(g) for g in gradient)
    assert norm(parameter.grad.tolist()) <= norm(gradient) * (1 + 1e-12)
    assert 0 <= result.share <= 1
