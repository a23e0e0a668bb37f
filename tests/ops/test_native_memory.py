"""What reaches the C library: any strides, nothing that it cannot read; and too little memory."""

import multiprocessing
import os
import resource
from pathlib import Path

import pytest
import torch
from cases import SCANS
from running import implementation, results_and_gradients
from tolerances import assert_same
from torch.autograd.graph import saved_tensors_hooks

from rnnswap import JANET
from rnnswap.ops import _native

pytestmark = pytest.mark.skipif(
    isinstance(_native.load(), str), reason=f"no C library: {_native.load()}"
)


def apart(tensor):
    """Every second number of a larger tensor."""
    return tensor.unsqueeze(-1).expand(*tensor.shape, 2).contiguous()[..., 0]


def turned(tensor):
    """The first dimension varies fastest."""
    return tensor.transpose(0, -1).contiguous().transpose(0, -1)


def shifted(tensor):
    """One number after the beginning of an allocation, and at its end."""
    return torch.cat((tensor.new_zeros(1), tensor.flatten()))[1:].view(tensor.shape)


def repeated(tensor):
    """One number at every place."""
    return tensor.flatten()[0].expand(tensor.shape)


@pytest.mark.parametrize("form", [apart, turned, shifted, repeated])
@pytest.mark.parametrize("scan", SCANS)
def test_any_strides_are_taken(scan, form):
    run, arguments, settings = implementation(scan, "cpu")
    args = arguments(6, 4, 5, 8, **settings)
    for k, given in enumerate(args):
        if not isinstance(given, torch.Tensor):
            continue
        strided = form(given.detach())
        plain = strided.clone(memory_format=torch.contiguous_format)
        found, expected = (
            results_and_gradients(run, (*args[:k], t.requires_grad_(), *args[k + 1 :]))
            for t in (strided, plain)
        )
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b, eps=512)


def test_saved_tensors_that_come_back_in_another_layout_are_read_right():
    run, arguments, settings = implementation("janet-proj", "cpu")
    args = arguments(6, 4, 5, 8, **settings)
    expected = results_and_gradients(run, args)
    with saved_tensors_hooks(lambda t: t.clone(), turned):
        found = results_and_gradients(run, args)
    for a, b in zip(found, expected, strict=True):
        assert_same(a, b, eps=512)


class _Subclass(torch.Tensor):
    pass


SPOILT = {
    "bfloat16": (lambda t: t.bfloat16(), "of one dtype"),
    "float": (lambda t: t.float(), "of one dtype"),
    "meta": (lambda t: t.to("meta"), "runs on the CPU, got"),
    "subclass": (lambda t: t.as_subclass(_Subclass), "no subclasses"),
    "negated": (lambda t: torch._neg_view(t.detach()), "nor views that negate"),
    "sparse": (lambda t: t.detach().to_sparse(), "plain dense tensors"),
}


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("scan", ["janet-proj", "indrnn-relu"])
def test_what_the_library_cannot_read_never_reaches_it(scan, kind):
    operation, arguments, settings = SCANS[scan]
    native = next(i for i in operation.implementations if i.name == "cpu")
    args = arguments(3, 2, 2, 3, **settings)
    spoil, words = SPOILT[kind]
    for k, given in enumerate(args):
        if isinstance(given, torch.Tensor):
            (reason,) = native.reasons_against(*args[:k], spoil(given), *args[k + 1 :])
            assert words in reason or (k == 0 and "float32 and float64" in reason)


def test_a_dtype_it_does_not_know_is_named():
    operation, arguments, _ = SCANS["janet"]
    args = [t.half() if isinstance(t, torch.Tensor) else t for t in arguments(3, 2, 2, 3)]
    (reason,) = operation.implementations[0].reasons_against(*args)
    assert "float32 and float64, got torch.float16" in reason


@pytest.mark.parametrize("scan", ["janet-proj", "indrnn-relu"])
def test_a_tensor_whose_memory_was_freed_raises(scan):
    run, arguments, settings = implementation(scan, "cpu")
    args = arguments(3, 2, 2, 3, **settings)
    for k, given in enumerate(args):
        if isinstance(given, torch.Tensor):
            freed = given.detach().clone()
            freed.untyped_storage().resize_(0)
            with pytest.raises(RuntimeError, match="its storage was freed"):
                run(*args[:k], freed, *args[k + 1 :])


def _with_little_memory(queue):
    torch.set_num_threads(1)  # as in any forked process
    layer, small = JANET(8, 2048), JANET(4, 8)
    x, long = torch.randn(2, 1, 8), torch.randn(100_000, 3, 4)
    loss = layer(x)[0].sum()
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    # The packed recurrent weight takes 32 MiB, the gradients of the weights as much again.
    resource.setrlimit(resource.RLIMIT_AS, (size + (8 << 20), resource.RLIM_INFINITY))
    found = []
    for call in (lambda: layer(x), loss.backward, lambda: small(long)):
        try:
            call()
            found.append("nothing")
        except (MemoryError, RuntimeError) as error:
            found.append(f"{type(error).__name__}: {error}")
    queue.put((found, small(torch.ones(5, 3, 4))[0].isfinite().all().item()))


@pytest.mark.skipif(
    "libasan" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer takes terabytes of addresses"
)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_too_little_memory_is_an_exception_and_the_next_call_runs():
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=_with_little_memory, args=(queue,))
    process.start()
    (forward, backward, torchs), runs = queue.get(timeout=60)
    process.join(60)
    assert process.exitcode == 0
    assert forward == "MemoryError: not enough memory for the C loops to work in"
    assert "Cannot allocate memory" in backward  # torch's words: its tensors are larger
    assert "Cannot allocate memory" in torchs
    assert runs
