"""The C library: every instruction set, any number of threads, and life without it."""

import multiprocessing
import threading

import pytest
import torch
from cases import SCANS
from tolerances import assert_same

from rnnswap import JANET
from rnnswap.ops import _native

NATIVE = [name for name in SCANS if name != "janet-proj"]

pytestmark = pytest.mark.skipif(
    isinstance(_native.load(), str), reason=f"no C library: {_native.load()}"
)


def run_native(scan, *args):
    operation = SCANS[scan][0]
    native = next(i for i in operation.implementations if i.name == "cpu")
    assert not native.reasons_against(*args)
    outputs = native.run(*args)
    leaves = [a for a in args if isinstance(a, torch.Tensor) and a.requires_grad]
    total = sum((o * torch.arange(o.numel()).view_as(o).cos()).sum() for o in outputs)
    return [*outputs, *torch.autograd.grad(total, leaves)]


def arguments(scan, *shape, **more):
    _, make, settings = SCANS[scan]
    return make(*shape, **settings, **more)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("scan", NATIVE)
def test_every_instruction_set_of_this_cpu_agrees(scan, dtype, monkeypatch):
    args = arguments(scan, 9, 13, 5, 37, dtype=dtype)
    best = run_native(scan, *args)
    for level in range(_native.level()):
        monkeypatch.setattr(_native, "level", lambda level=level: level)
        for a, b in zip(run_native(scan, *args), best, strict=True):
            assert_same(a, b, eps=512)


@pytest.mark.parametrize("batch", [1, 2, 7, 50])
@pytest.mark.parametrize("scan", NATIVE)
def test_threads_change_nothing_but_rounding_and_a_count_repeats_bitwise(scan, batch):
    args = arguments(scan, 11, batch, 5, 19)
    before = torch.get_num_threads()
    results = {}
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results[threads] = run_native(scan, *args)
            again = run_native(scan, *args)
            assert all(map(torch.equal, results[threads], again))
    finally:
        torch.set_num_threads(before)
    for threads in (2, 3):
        for a, b in zip(results[threads], results[1], strict=True):
            assert_same(a, b, eps=512)


@pytest.mark.parametrize("scan", NATIVE)
def test_any_strides_are_taken(scan):
    args = arguments(scan, 6, 4, 5, 8)
    expected = run_native(scan, *args)
    strided = tuple(
        a.detach().unsqueeze(-1).expand(*a.shape, 2)[..., 0].requires_grad_()
        if isinstance(a, torch.Tensor) and a.is_floating_point()
        else a
        for a in args
    )
    for a, b in zip(run_native(scan, *strided), expected, strict=True):
        assert_same(a, b, eps=512)


def test_two_python_threads_can_call_at_once():
    layer = JANET(8, 33, 2, bidirectional=True)
    inputs = [torch.randn(20, 6, 8) for _ in range(4)]
    expected = [layer(x)[0] for x in inputs]
    found = {}

    def work(index):
        for _ in range(20):
            found[index] = layer(inputs[index])[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[i], expected[i]) for i in range(4))


def _in_child(queue):
    torch.set_num_threads(1)  # as DataLoader's workers do
    torch.manual_seed(0)
    output = JANET(4, 8)(torch.randn(5, 3, 4))[0]
    output.sum().backward()
    queue.put(output.detach().sum().item())


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_worker_runs_it():
    torch.manual_seed(0)
    expected = JANET(4, 8)(torch.randn(5, 3, 4))[0].sum().item()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    worker = context.Process(target=_in_child, args=(queue,))
    worker.start()
    assert queue.get(timeout=60) == pytest.approx(expected, rel=1e-5)
    worker.join(60)
    assert worker.exitcode == 0


def test_without_the_library_pytorch_serves_and_the_reason_can_be_asked(monkeypatch):
    operation, make, _ = SCANS["janet"]
    args = make(3, 2, 2, 3)
    expected = operation(*args)
    monkeypatch.setattr(_native, "load", lambda: "the C library was not built")
    native = operation.implementations[0]
    assert native.reasons_against(*args) == ["the C library was not built"]
    assert operation.choose(*args).name == "manual"
    for a, b in zip(operation(*args), expected, strict=True):
        assert_same(a, b, eps=512)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda x: x.bfloat16(), "float32 and float64, got torch.bfloat16"),
        (lambda x: x.float(), "of one dtype"),
        (lambda x: x.to("meta"), "runs on the CPU, got"),
    ],
    ids=["bfloat16", "mixed", "device"],
)
def test_what_the_library_cannot_take_never_reaches_it(spoil, words):
    operation, make, _ = SCANS["janet"]
    x, *rest = make(3, 2, 2, 3)
    (reason,) = operation.implementations[0].reasons_against(spoil(x), *rest)
    assert words in reason
