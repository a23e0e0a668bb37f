"""Training loops in which clipping goes wrong quietly elsewhere."""

import gc
import warnings
import weakref

import pytest
import torch
from policies import POLICIES
from torch import nn

from rnnswap.clip import HookClip, NormClip, ValueClip, attach, install
from rnnswap.errors import ClipError


def pulled(parameter, force=3.0):
    (parameter.sum() * force).backward()


@pytest.fixture
def parameter():
    return nn.Parameter(torch.zeros(4))


class Again(torch.optim.SGD):
    """Its step calls that of its base class, as many people's do."""

    def step(self, closure=None):
        loss = None if closure is None else closure()
        super().step()
        return loss


class Around(torch.optim.Optimizer):
    """Steps another optimizer of the same parameters."""

    def __init__(self, inner):
        super().__init__(inner.param_groups, {})
        self.inner = inner

    def step(self, closure=None):
        self.inner.step()


def make_again(parameter):
    torch.optim.SGD([parameter])  # from when on SGD.step has hooks of its own
    return Again([parameter], lr=1.0)


def make_around(parameter):
    return Around(torch.optim.SGD([parameter], lr=1.0))


@pytest.mark.parametrize("make", [make_again, make_around])
def test_step_within_a_step_is_no_second_clipping(parameter, make):
    optimizer, seen = make(parameter), []
    with install("percentile:100", callback=lambda *given: seen.append(given)):
        for _ in range(3):
            optimizer.zero_grad()
            pulled(parameter)
            optimizer.step()
    assert [stepping for stepping, _ in seen] == [optimizer] * 3


def test_policy_attached_to_the_inner_optimizer_acts_all_the_same(parameter):
    optimizer = make_around(parameter)
    with attach("norm:1.0", optimizer.inner):
        pulled(parameter)
        optimizer.step()
    assert parameter.norm().item() == pytest.approx(1.0, rel=1e-5)


def test_closure_of_a_step_that_calls_its_base_is_clipped_once(parameter):
    optimizer, seen = make_again(parameter), []
    with install("norm:1.0", callback=lambda *given: seen.append(given)):
        optimizer.step(lambda: pulled(parameter))
    assert len(seen) == 1
    assert parameter.norm().item() == pytest.approx(1.0, rel=1e-5)


def test_other_optimizer_stepped_inside_a_closure_is_clipped_too(parameter):
    other = nn.Parameter(torch.zeros(4))
    outer, inner = (torch.optim.SGD([p], lr=1.0) for p in (parameter, other))

    def closure():
        pulled(parameter)
        pulled(other)
        inner.step()

    with install("norm:1.0"):
        outer.step(closure)
    assert parameter.norm().item() == pytest.approx(1.0, rel=1e-5)
    assert other.norm().item() == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize(
    ("policy", "expected"), [("range:-1,5", 5.0), ("value:5", 5.0), ("hook:-1,5", 20.0)]
)
def test_accumulation_is_bounded_once_but_by_hook(policy, expected):
    parameter = nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    with attach(policy, optimizer, measure=False):
        for _ in range(4):
            (30 * parameter).backward()
        optimizer.step()
    assert parameter.grad.item() == expected


@pytest.mark.parametrize("set_to_none", [True, False])
@pytest.mark.parametrize("policy", POLICIES.values())
def test_gradients_cleared_either_way_come_out_alike(policy, set_to_none):
    parameter = nn.Parameter(torch.ones(4))
    optimizer = torch.optim.SGD([parameter], lr=0.0)
    grads = []
    with attach(policy, optimizer):
        for _ in range(3):
            optimizer.zero_grad(set_to_none=set_to_none)
            pulled(parameter)
            optimizer.step()
            grads.append(parameter.grad.clone())
    assert torch.equal(grads[0], grads[1])
    assert torch.equal(grads[1], grads[2])


@pytest.mark.parametrize("policy", POLICIES.values())
def test_frozen_and_idle_parameters_and_empty_ones_do_no_harm(parameter, policy):
    frozen = nn.Parameter(torch.ones(2), requires_grad=False)
    empty, idle = nn.Parameter(torch.zeros(0, 3)), nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([frozen, empty, idle, parameter], lr=1.0)
    with attach(policy, optimizer, on_nonfinite="raise") as handle:
        for _ in range(2):
            pulled(parameter)
            pulled(empty)
            optimizer.step()
            assert handle.last.norm_before.isfinite()
    assert idle.grad is None
    assert frozen.tolist() == [1.0, 1.0]


def test_measuring_ends_when_nobody_reads_and_starts_when_somebody_does(parameter):
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    handle = attach("value:1.0", optimizer)
    for step in range(2):
        pulled(parameter)
        optimizer.step()
        if step == 0:
            continue
        with pytest.raises(ClipError, match=r"at the last step was not measured.*measure=True"):
            _ = handle.last
    pulled(parameter)
    optimizer.step()
    assert handle.last.share.item() == 1.0


@pytest.mark.parametrize("policy", POLICIES.values())
def test_clipping_is_the_same_measured_or_not(policy):
    grads = []
    for measure in (True, False):
        torch.manual_seed(0)
        model = nn.LSTM(3, 5)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with attach(policy, optimizer, measure=measure):
            for _ in range(4):
                optimizer.zero_grad()
                (100 * model(torch.ones(2, 3))[0].square().sum()).backward()
                optimizer.step()
        grads.append([p.grad for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


def clips_by_norm(parameter):
    torch.nn.utils.clip_grad_norm_([parameter], 2.0)


def clips_by_value(parameter):
    torch.nn.utils.clip_grad_value_([parameter], 2.0)


@pytest.mark.parametrize("clips", [clips_by_norm, clips_by_value])
def test_script_that_clips_itself_is_told_once_and_both_act(parameter, clips):
    optimizer = torch.optim.SGD([parameter], lr=0.0)
    with attach("norm:1.0", optimizer) as handle:
        for step in range(3):
            optimizer.zero_grad()
            pulled(parameter)
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                clips(parameter)
            assert len(told) == (step == 0)
            optimizer.step()
        assert parameter.grad.norm().item() == pytest.approx(1.0, rel=1e-5)
    assert "test_clip_loops.py" in handle.script_clips
    words = f"itself, by torch's clip_grad_{'norm' if clips is clips_by_norm else 'value'}_ at"
    assert handle.script_clips.startswith(words.removeprefix("itself, by "))


def test_clipping_by_infinity_or_of_others_or_under_none_is_not_told(parameter):
    other = nn.Parameter(torch.zeros(2))
    pulled(parameter)
    pulled(other)
    with attach("norm:1.0", torch.optim.SGD([parameter])), install("none") as handle:
        torch.nn.utils.clip_grad_norm_([parameter], float("inf"))
        torch.nn.utils.clip_grad_norm_([other], 1.0)
    assert handle.script_clips is None


def test_torch_has_its_functions_back(parameter):
    module = torch.nn.utils.clip_grad
    before = module._group_tensors_by_device_and_dtype
    handles = [install("norm:1.0"), attach("value:1.0", torch.optim.SGD([parameter]))]
    assert module._group_tensors_by_device_and_dtype is not before
    for handle in handles:
        handle.detach()
        handle.detach()
    assert module._group_tensors_by_device_and_dtype is before


def test_attached_twice_acts_twice_and_leaves_in_any_order(parameter):
    optimizer = torch.optim.SGD([parameter], lr=0.0)
    first, second = attach(ValueClip(2.0), optimizer), attach(NormClip(1.0), optimizer)
    first.detach()
    pulled(parameter)
    optimizer.step()
    assert second.last.norm_before.item() == pytest.approx(6.0)
    second.detach()
    assert not optimizer._optimizer_step_pre_hooks


def test_installed_policy_keeps_no_optimizer_alive(parameter):
    with install("percentile:10"):
        optimizer = torch.optim.SGD([parameter])
        pulled(parameter)
        optimizer.step()
        gone = weakref.ref(optimizer)
        del optimizer
        gc.collect()
        assert gone() is None


def test_handle_is_not_copied(parameter):
    import copy

    with (
        attach("norm:1.0", torch.optim.SGD([parameter])) as handle,
        pytest.raises(TypeError, match="cannot be copied or pickled; attach norm:1.0 to the copy"),
    ):
        copy.deepcopy(handle)


class Flat(nn.Parameter):
    _fsdp_flattened = True


def test_fsdp1_is_refused_in_words():
    parameter = Flat(torch.zeros(2))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    with pytest.raises(ClipError, match=r"FSDP1.*use fully_shard \(FSDP2\)"):
        attach("norm:1.0", optimizer)
    with install("norm:1.0"):
        pulled(parameter)
        with pytest.raises(ClipError, match="FSDP1"):
            optimizer.step()
    assert parameter.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("text", POLICIES.values())
def test_sparse_gradients_are_refused_in_words(text):
    if text == "none":
        return
    table = nn.Embedding(5, 3, sparse=True)
    optimizer = torch.optim.SGD(table.parameters(), lr=1.0)
    with attach(text, optimizer), pytest.raises(ClipError, match=r"cannot bound the sparse"):
        backward_and_step(table(torch.tensor([1, 1, 2])).sum(), optimizer)


def backward_and_step(loss, optimizer):
    loss.backward()
    optimizer.step()


@pytest.mark.parametrize("text", POLICIES.values())
def test_complex_gradients_are_clipped_or_refused_in_words(text):
    parameter = nn.Parameter(torch.ones(2, dtype=torch.complex64))
    optimizer = torch.optim.SGD([parameter], lr=0.0)
    clamps = text.partition(":")[0] in ("value", "range", "hook")
    with attach(text, optimizer) as handle:
        loss = (parameter * torch.tensor([3 - 4j, 0])).sum().real
        if clamps:
            with pytest.raises(ClipError, match="complex numbers have no order; use norm instead"):
                backward_and_step(loss, optimizer)
            return
        backward_and_step(loss, optimizer)
        assert handle.last.norm_before.item() == pytest.approx(5)
        assert handle.last.norm_after.item() == pytest.approx(parameter.grad.abs().norm().item())


def test_hook_stays_on_its_parameter_and_off_copies(parameter):
    import copy

    model = nn.ParameterList([parameter])
    with attach(HookClip(-1, 1), torch.optim.SGD([parameter])):
        twin = copy.deepcopy(model)
        pulled(parameter)
        pulled(twin[0])
    assert parameter.grad.tolist() == [1.0] * 4
    assert twin[0].grad.tolist() == [3.0] * 4
