"""When Triton's kernels run, and what is said where they do not."""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch
import triton_here
from cases import SCANS
from tolerances import assert_same

import rnnswap
from rnnswap.errors import KernelUnavailableError
from rnnswap.ops import _device
from rnnswap.ops._dispatch import FORCE_VARIABLE
from rnnswap.ops.indrnn import loops as indrnn_loops
from rnnswap.ops.janet import loops as janet_loops

needs_interpreter = pytest.mark.skipif(
    triton_here.MISSING is not None or triton_here.DEVICE != "cpu",
    reason=triton_here.MISSING or "triton compiles for the GPU in this process",
)


def reasons(scan, *replaced, **settings):
    operation, arguments, given = SCANS[scan]
    args = [*replaced, *arguments(3, 2, 2, 3, **given, **settings)[len(replaced) :]]
    return next(i for i in operation.implementations if i.name == "gpu").reasons_against(*args)


@pytest.mark.parametrize("scan", ["janet", "indrnn-relu"])
def test_on_the_cpu_it_runs_only_where_it_is_asked_for(scan, monkeypatch):
    monkeypatch.delenv(FORCE_VARIABLE, raising=False)
    assert reasons(scan) == ["Triton's kernels run on CUDA devices, got cpu"]


@needs_interpreter
@pytest.mark.parametrize("layer", [rnnswap.JANET, rnnswap.IndRNN])
def test_forced_it_is_interpreted_and_serves_a_layer(layer, monkeypatch):
    rnn, x = layer(2, 3, bidirectional=True), torch.randn(3, 2, 2)
    expected = rnn(x)
    monkeypatch.setenv(FORCE_VARIABLE, "gpu")
    found = rnn(x)
    assert_same(found[0], expected[0])
    assert_same(found[1][0], expected[1][0])


@needs_interpreter
def test_forced_it_refuses_what_it_does_not_know(monkeypatch):
    monkeypatch.setenv(FORCE_VARIABLE, "gpu")
    x = torch.randn(3, 2, 2, dtype=torch.float64)
    assert reasons("janet", x) == []
    assert reasons("janet", x.float()) == ["Triton's kernels take tensors of one dtype"]
    assert reasons("janet", torch._neg_view(x))[0].startswith("Triton's kernels take plain dense")
    assert reasons("janet", x[:, :0]) == ["there is nothing to compute"]
    assert reasons("janet", x.to("meta")) == ["Triton's kernels take tensors of one device"]
    rnn = rnnswap.IndRNN(2, 3).to(torch.float8_e5m2)
    weights = [None, rnn.weight_ih_l0.detach(), rnn.weight_hh_l0.detach(), None, None]
    operation, _, _ = SCANS["indrnn-relu"]
    with pytest.raises(KernelUnavailableError, match="16 to 64 bits, got torch.float8_e5m2"):
        operation(x.to(torch.float8_e5m2), *weights, None, "relu", False)


@needs_interpreter
def test_without_triton_or_its_interpreter_the_reason_says_so(monkeypatch):
    from rnnswap.ops import gpu

    monkeypatch.setenv(FORCE_VARIABLE, "gpu")
    monkeypatch.setattr(gpu, "INTERPRETED", False)
    assert "set TRITON_INTERPRET=1 before it is first imported" in reasons("janet")[0]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert reasons("indrnn-relu") == ["triton is not installed"]


def test_a_device_that_is_too_old_or_does_not_run_a_kernel_is_named(monkeypatch):
    from torch import device

    def fails(where):
        raise RuntimeError("no C compiler\nand more")

    ask = _device._reasons_on_cuda.__wrapped__
    monkeypatch.setattr(_device, "reason_against_importing", lambda: None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda d: (7, 5))
    assert "compute capability 8.0 and newer, cuda:0 is older" in ask(device("cuda:0"))[0]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda d: (9, 0))
    kernels = type("kernels", (), {"try_out": staticmethod(fails)})
    monkeypatch.setattr(_device.importlib, "import_module", lambda name: kernels)
    assert ask(device("cuda:0")) == (
        "triton cannot run a kernel on cuda:0: RuntimeError: no C compiler",
    )


@needs_interpreter
@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("scan", ["janet", "janet-proj", "indrnn-tanh"])
def test_the_operator_for_torch_compile_takes_the_kernels(scan, ragged, monkeypatch):
    operation, arguments, given = SCANS[scan]
    lengths = torch.tensor([3, 1]) if ragged else None
    args = arguments(3, 2, 2, 3, **given, lengths=lengths, dtype=torch.float32)
    leaves = [a for a in args if isinstance(a, torch.Tensor) and a.requires_grad]

    def results():
        outputs = operation.library(*args)
        return [*outputs, *torch.autograd.grad(sum(o.cos().sum() for o in outputs), leaves)]

    expected = results()
    monkeypatch.setenv(FORCE_VARIABLE, "gpu")
    monkeypatch.setattr("rnnswap.ops._native.reasons_against_native", lambda *_: ["not now"])
    loops = janet_loops if scan.startswith("janet") else indrnn_loops
    served = []
    plain = loops._triton_loops
    monkeypatch.setattr(loops, "_triton_loops", lambda: served.append(1) or plain())
    for found, right in zip(results(), expected, strict=True):
        assert_same(found, right, eps=512)
    assert len(served) == 2  # forward and backward


def test_a_layer_on_the_cpu_does_not_import_triton():
    code = (
        "import sys, torch, rnnswap\n"
        "rnnswap.JANET(2, 3)(torch.randn(3, 2, 2))[0].sum().backward()\n"
        "rnnswap.IndRNN(2, 3)(torch.randn(3, 2, 2))[0].sum().backward()\n"
        "assert 'triton' not in sys.modules\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != FORCE_VARIABLE}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
