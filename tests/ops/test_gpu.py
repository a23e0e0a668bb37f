"""Triton's kernels against the definition: on a CUDA device, else interpreted on the CPU."""

import pytest
import torch
import triton_here
from cases import SCANS
from running import implementation, in_double, results_and_gradients
from tolerances import assert_draws_as_close_as_eager, assert_same
from torch.nn.utils.rnn import pack_padded_sequence

pytestmark = pytest.mark.skipif(triton_here.MISSING is not None, reason=str(triton_here.MISSING))

KERNELS = [s for s, (o, _, _) in SCANS.items() if any(i.name == "gpu" for i in o.implementations)]
#: T, B, I, H, whether rows end early, whether the last step comes first.
CALLS = [
    (1, 3, 2, 5, False, False),
    (2, 1, 3, 7, False, True),
    (7, 3, 2, 4, True, False),
    (7, 3, 2, 4, True, True),
]


def both(scan):
    run, arguments, settings = implementation(scan, "gpu")
    return run, implementation(scan, "naive")[0], arguments, settings


def lengths_for(T, B, ragged):
    return torch.tensor([max(1, T - 2 * b) for b in range(B)]) if ragged else None


def assert_equal_to_naive(scan, T, B, I, H, ragged, reverse):
    run, naive, arguments, settings = both(scan)
    given = {**settings, "lengths": lengths_for(T, B, ragged), "reverse": reverse}
    args = arguments(T, B, I, H, **given)
    found, right = results_and_gradients(run, args), results_and_gradients(naive, args)
    for actual, truth in zip(found, right, strict=True):
        assert_same(actual, truth, eps=4096)


@pytest.mark.parametrize(
    ("scan", "call"), [(s, c) for s in KERNELS for c in (CALLS[3:] if "nobias" in s else CALLS)]
)
def test_equals_naive_in_float64(scan, call):
    assert_equal_to_naive(scan, *call)


@pytest.mark.parametrize("scan", [s for s in KERNELS if "nobias" not in s])
def test_long_input(scan):
    assert_equal_to_naive(scan, 63, 2, 2, 3, True, True)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("scan", [s for s in KERNELS if "nobias" not in s])
def test_packed_input_is_run_as_it_lies(scan, reverse):
    run, naive, arguments, settings = both(scan)
    lengths = torch.tensor([5, 5, 3, 2, 1])
    args = arguments(5, 5, 2, 4, **settings, lengths=lengths, reverse=reverse)
    packed = pack_padded_sequence(args[0].detach(), lengths).data.requires_grad_()
    args = (packed, *args[1:])
    found, right = results_and_gradients(run, args), results_and_gradients(naive, args)
    for actual, truth in zip(found, right, strict=True):
        assert_same(actual, truth, eps=4096)


@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("scan", [s for s in KERNELS if "nobias" not in s])
def test_gradcheck_and_double_backward(scan, ragged):
    run, _, arguments, settings = both(scan)
    args = arguments(2, 2, 2, 3, **settings, lengths=lengths_for(2, 2, ragged), reverse=ragged)
    assert torch.autograd.gradcheck(run, args, fast_mode=True)
    assert torch.autograd.gradgradcheck(run, args, fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("scan", [s for s in KERNELS if "nobias" not in s])
def test_low_precision_is_as_close_to_float64_as_eager(scan, dtype):
    run, naive, arguments, settings = both(scan)
    draws = []
    for _ in range(2):  # the luck of one decides nothing
        args = arguments(5, 4, 3, 8, **settings, dtype=dtype)
        results = (results_and_gradients(f, args) for f in (run, naive))
        draws.append(zip(*results, results_and_gradients(naive, in_double(args)), strict=True))
    for of_one_tensor in zip(*draws, strict=True):
        assert_draws_as_close_as_eager(of_one_tensor)


@pytest.mark.parametrize("scan", [s for s in KERNELS if "nobias" not in s])
def test_no_initial_state_and_input_and_gradients_that_lie_otherwise(scan):
    run, naive, arguments, settings = both(scan)
    x, *others = arguments(3, 2, 4, 3, **settings)
    states = 2 if scan.startswith("janet") else 1
    x = x.detach().permute(2, 1, 0).contiguous().permute(2, 1, 0).requires_grad_()
    args = (x, *[None] * states, *others[states:])
    leaves = [a for a in args if isinstance(a, torch.Tensor)]
    outputs = [run(*args), naive(*args)]
    upstream = torch.randn(outputs[0][0].shape[::-1], dtype=x.dtype).permute(2, 1, 0)
    for grad in (upstream, torch.ones(()).double().expand_as(upstream)):
        found, right = (torch.autograd.grad(o[0], leaves, grad, retain_graph=True) for o in outputs)
        for actual, truth in zip(found, right, strict=True):
            assert_same(actual, truth, eps=4096)


@pytest.mark.parametrize("scan", [s for s in KERNELS if "nobias" not in s])
def test_nan_shows_in_its_row_only(scan):
    run, _, arguments, settings = both(scan)
    args = list(arguments(3, 2, 3, 4, **settings))
    args[0] = args[0].detach().clone()
    args[0][1, 0] = torch.nan
    output = run(*args)[0]
    assert output[1:, 0].isnan().all()
    assert not output[:, 1].isnan().any()


@pytest.mark.parametrize("call", [*CALLS[1:], (63, 2, 2, 3, True, True)], ids=str)
def test_janet_step_by_step(call, monkeypatch):
    from rnnswap.ops.janet import gpu

    monkeypatch.setattr(gpu, "_LARGEST_LOOP", {})
    assert_equal_to_naive("janet", *call)


def test_beta_is_not_rounded():
    run, naive, arguments, _ = both("janet")
    args = list(arguments(3, 2, 2, 3))
    args[-2] = 1.1  # no float32 is
    found, right = (results_and_gradients(f, args) for f in (run, naive))
    for actual, truth in zip(found, right, strict=True):
        assert_same(actual, truth, eps=4096)
