"""Triton's kernels without an interpreter: compiled anywhere, run where there is a GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import triton_here
from cases import SCANS
from running import in_double, results_and_gradients
from tolerances import assert_as_close_as_eager, assert_same

import rnnswap
from rnnswap.ops._dispatch import recorded_calls

PROGRAM = Path(__file__).resolve().parents[1] / "compile_kernels.py"
MAIN = ["janet", "janet-proj", "indrnn-relu", "indrnn-tanh"]

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.skipif(triton_here.MISSING is not None, reason=str(triton_here.MISSING))
def test_kernels_compile_fit_and_keep_to_their_registers(tmp_path):
    environment = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run(
        [sys.executable, PROGRAM, "80"],
        stdout=subprocess.PIPE,
        env=environment,
        check=True,
    )
    found = json.loads(done.stdout)
    assert len(found) == 6
    for name, used in found.items():
        assert used["spilled"] == 0, name
        assert used["shared"] <= 99 * 1024, name  # what devices of capability 8.6 and 8.9 grant


def on_gpu(scan, *sizes, **settings):
    operation, arguments, given = SCANS[scan]
    args = arguments(*sizes, **given, **settings)
    return operation, [
        a.detach().cuda().requires_grad_() if isinstance(a, torch.Tensor) else a for a in args
    ]


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("hidden", [128, 384])
@pytest.mark.parametrize("scan", MAIN)
def test_first_choice_is_as_close_to_float64_as_eager(scan, hidden, dtype):
    operation, args = on_gpu(scan, 65, 19, 24, hidden, dtype=dtype)
    assert operation.choose(*args).name == "gpu"
    naive = operation.implementations[-1].run
    triples = zip(
        results_and_gradients(lambda *a: [o.cpu() for o in operation(*a)], args),
        results_and_gradients(lambda *a: [o.cpu() for o in naive(*a)], args),
        results_and_gradients(lambda *a: [o.cpu() for o in naive(*a)], in_double(args)),
        strict=True,
    )
    for found, eager, truth in triples:
        assert_as_close_as_eager(found.cpu(), eager.cpu(), truth.cpu())


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("scan", MAIN)
def test_two_runs_are_equal_to_the_bit_on_any_stream(scan):
    operation, args = on_gpu(scan, 33, 17, 8, 64, dtype=torch.float32)
    leaves = [a for a in args if isinstance(a, torch.Tensor)]

    def results():
        outputs = operation(*args)
        return [*outputs, *torch.autograd.grad(sum(o.sum() for o in outputs), leaves)]

    first = results()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        second = results()
    torch.cuda.synchronize()
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("hidden", [64, 192])
@pytest.mark.parametrize("layer", [rnnswap.JANET, rnnswap.IndRNN])
def test_a_cuda_graph_replays_it(layer, hidden):
    rnn, x = layer(8, hidden, device="cuda").bfloat16(), torch.randn(20, 4, 8, device="cuda")
    x = x.bfloat16()
    graphed = torch.cuda.make_graphed_callables(rnn, (x.requires_grad_(),))
    for _ in range(2):
        fresh = torch.randn_like(x).requires_grad_()
        assert_same(graphed(fresh)[0].cpu(), rnn(fresh)[0].cpu())


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("layer", [rnnswap.JANET, rnnswap.IndRNN])
def test_compile_and_autocast_take_it(layer):
    rnn, x = layer(8, 64, device="cuda"), torch.randn(20, 4, 8, device="cuda")
    with torch.autocast("cuda", torch.bfloat16), recorded_calls() as calls:
        output = rnn(x)[0]
    assert output.dtype == torch.bfloat16
    assert [call.implementation.name for call in calls] == ["gpu"]
    assert_same(torch.compile(rnn, fullgraph=True)(x)[0].cpu(), rnn(x)[0].cpu(), eps=512)
