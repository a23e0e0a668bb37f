"""What reaches the C library: any strides, nothing that it cannot read; and too little memory."""

import inspect
import os
import subprocess
import sys

import pytest
import torch
from cases import SCANS
from running import implementation, results_and_gradients
from tolerances import assert_same
from torch.autograd.graph import saved_tensors_hooks

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


@pytest.mark.parametrize("scan", ["janet-proj", "janet-nobias", "indrnn-relu"])
def test_tensors_whose_sizes_do_not_fit_each_other_are_refused(scan):
    run, arguments, settings = implementation(scan, "cpu")
    args = arguments(3, 4, 5, 7, **settings)
    for k, given in enumerate(args):
        for dim in range(given.dim()) if isinstance(given, torch.Tensor) else ():
            if k == 0 and dim < given.dim() - 1 and args[1] is None:
                continue
            less = given.detach().narrow(dim, 0, given.size(dim) - 1)
            if (k, dim) == (0, 0) or (scan == "indrnn-relu" and less.numel() == 0):
                continue  # any number of steps is right; u has one column
            with pytest.raises(RuntimeError, match="expected .* of shape"):
                run(*args[:k], less, *args[k + 1 :])
    with pytest.raises(RuntimeError, match="expected projected input of"):
        run(*(None if name == "w_ih" else a for name, a in zip(_names(scan), args, strict=True)))


def _names(scan):
    function = implementation(scan, "naive")[0]
    return [n for n in inspect.signature(function).parameters if n != "run"]


CHANGES = {
    "bfloat16": lambda t: t.bfloat16(),
    "float64": lambda t: t.double(),
    "shorter": lambda t: t[: (len(t) + 1) // 2],
    "narrower": lambda t: t[..., : (t.size(-1) + 1) // 2],
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("scan", ["janet-proj", "indrnn-relu"])
def test_what_hooks_on_saved_tensors_spoil_is_refused(scan, change):
    run, arguments, settings = implementation(scan, "cpu")
    args = arguments(6, 4, 5, 8, **settings, dtype=torch.float32)
    with saved_tensors_hooks(lambda t: t, CHANGES[change]):
        output = run(*args)[0]
        with pytest.raises(RuntimeError, match=r"came back changed|of shape|input of"):
            output.sum().backward()


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


#: In a process of its own: what tests before it have freed would do.
LITTLE_MEMORY = """
import resource
from pathlib import Path
import torch
from rnnswap import JANET

layer, small = JANET(8, 4096), JANET(4, 8)
x, long = torch.randn(2, 1, 8), torch.randn(100_000, 3, 4)
loss = layer(x)[0].sum()
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
# The packed recurrent weight takes 128 MiB, more than what a thread that ends may give back; the
# gradients of the weights take as much again.
resource.setrlimit(resource.RLIMIT_AS, (size + (8 << 20), resource.RLIM_INFINITY))
for call in (lambda: layer(x), loss.backward, lambda: small(long)):
    try:
        call()
        print("nothing")
    except (MemoryError, RuntimeError) as error:
        print(type(error).__name__, str(error).splitlines()[0])
print(small(torch.ones(5, 3, 4))[0].isfinite().all().item())
"""


@pytest.mark.skipif(
    "libasan" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer takes terabytes of addresses"
)
def test_too_little_memory_is_an_exception_and_the_next_call_runs(tmp_path):
    command = [sys.executable, "-c", LITTLE_MEMORY]
    # Not where the sources are, which python -c would take instead of what is installed.
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    forward, backward, torchs, runs = done.stdout.splitlines()
    assert forward == "MemoryError not enough memory for the C loops to work in"
    assert "Cannot allocate memory" in backward  # torch's words: its tensors are larger
    assert "Cannot allocate memory" in torchs
    assert runs == "True"
