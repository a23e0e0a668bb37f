"""The C library and threads: how many, whose, changed in between, and after a fork."""

import multiprocessing
import threading

import pytest
import torch
from running import implementation, results_and_gradients
from tolerances import assert_same
from torch.utils.data import DataLoader, Dataset

from rnnswap import JANET, IndRNN
from rnnswap.ops import _native

pytestmark = [
    pytest.mark.skipif(isinstance(_native.load(), str), reason=f"no C library: {_native.load()}"),
    # torch's workers are forked, and Python sees its threads.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

#: (T, B, I, H): large enough to be shared out among five threads, by units of few rows and by rows.
SHAPES = [(40, 1, 70, 420), (12, 2, 70, 420), (12, 4, 70, 420), (20, 7, 33, 65), (12, 50, 33, 65)]


@pytest.fixture(autouse=True)
def _same_threads_afterwards():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("scan", ["janet", "janet-proj", "indrnn-relu", "indrnn-tanh"])
def test_a_count_of_threads_repeats_bitwise_and_changes_rounding_alone(scan, shape):
    run, arguments, settings = implementation(scan, "cpu")
    T, B, _, H = shape
    if "P" in settings:
        settings = {"P": H // 2}
    results = {}
    for lengths in (None, torch.arange(B) * 5 % T + 1):
        args = arguments(*shape, **settings, lengths=lengths, reverse=B == 4)
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            results[threads] = results_and_gradients(run, args)
            again = results_and_gradients(run, args)
            assert all(map(torch.equal, results[threads], again))
            for a, b in zip(results[threads], results[1], strict=True):
                assert_same(a, b, eps=512)


@pytest.mark.parametrize("cell", [JANET, IndRNN])
def test_python_threads_call_at_once_and_change_the_count_in_between(cell):
    layer = cell(24, 65, 2, bidirectional=True)
    inputs = [torch.randn(20, 6, 24) for _ in range(4)]
    counts = (1, 2, 3)
    expected = {}
    for count in counts:
        torch.set_num_threads(count)
        expected[count] = [_output_and_gradient(layer, x) for x in inputs]
    wrong = []

    def work(index):
        torch.get_num_threads()  # torch sets a thread's count when it is first asked, and it is now
        for turn in range(6):
            count = counts[(index + turn) % 3]
            torch.set_num_threads(count)
            found = _output_and_gradient(layer, inputs[index])
            if not all(map(torch.equal, found, expected[count][index])):
                wrong.append((index, turn, count))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def _output_and_gradient(layer, x):
    output = layer(x)[0]
    return output, *torch.autograd.grad(output.sum(), list(layer.parameters()))


def _in_child(layer, x, queue):
    torch.set_num_threads(1)  # as DataLoader's workers do
    queue.put([t.detach().numpy().copy() for t in _output_and_gradient(layer, x)])


def test_a_forked_process_runs_it_after_its_parent_has():
    layer, x = JANET(24, 65), torch.randn(20, 6, 24)
    torch.set_num_threads(2)
    expected = _output_and_gradient(layer, x)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    worker = context.Process(target=_in_child, args=(layer, x, queue))
    worker.start()
    found = queue.get(timeout=60)
    worker.join(60)
    assert worker.exitcode == 0
    for a, b in zip(found, expected, strict=True):
        assert_same(torch.from_numpy(a), b, eps=512)


class _Encoded(Dataset):
    """Items that a layer has run over, as where features are computed while loading."""

    def __init__(self, layer, inputs):
        self.layer, self.inputs = layer, inputs

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        with torch.no_grad():
            return self.layer(self.inputs[index])[0]


def test_workers_of_a_data_loader_run_it_while_their_parent_does():
    layer, inputs = IndRNN(24, 65, 2), torch.randn(6, 20, 24)
    torch.set_num_threads(2)
    with torch.no_grad():
        expected = torch.stack([layer(x)[0] for x in inputs])
    loader = DataLoader(_Encoded(layer, inputs), batch_size=2, num_workers=2)
    for start, batch in zip(range(0, 6, 2), loader, strict=True):
        assert_same(batch, expected[start : start + 2], eps=512)
        layer(inputs[0])[0].sum().backward()
