"""Cells given as one step, compiled by Inductor: gradients are those of eager mode."""

import shutil

import pytest
import torch
from tolerances import assert_same
from torch.nn.functional import linear

from rnnswap import RecurrentLayer
from rnnswap.ops import _scan

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None and shutil.which("clang++") is None, reason="no C++ compiler"
)


class Plain(RecurrentLayer):
    """As nn.RNN. The gradient of weight_hh is summed over the steps."""

    gates = 1

    def step(self, gates_x, state, weights):
        return (torch.tanh(gates_x + linear(state[0], weights["weight_hh"])),)


def trained(layer, call, x):
    layer.zero_grad()
    output, (h_n, _) = call(x)
    (output.square().sum() + h_n.sum()).backward()
    return [output.detach(), h_n.detach(), *(p.grad.clone() for p in layer.parameters())]


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch, tmp_path):
    """Inductor keeps what it compiled on disk, and would not look at its loops again."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def assert_compiled_is_eager(layer, **options):
    x = torch.randn(6, 3, layer.input_size)
    expected = trained(layer, layer, x)
    found = trained(layer, torch.compile(layer, fullgraph=True, **options), x)
    for actual, truth in zip(found, expected, strict=True):
        assert_same(actual, truth, eps=512)


@needs_compiler
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
def test_sums_over_steps_are_not_overwritten():
    # One weight is as large as the other, and one layer as the next.
    assert_compiled_is_eager(Plain(7, 7, 2))


def test_where_compiled_loops_are_not_known_to_be_right_steps_are_written_out(monkeypatch):
    monkeypatch.setattr(_scan, "loops_are_right", lambda: False)
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    assert_compiled_is_eager(Plain(5, 7), backend=backend)
    assert sum("tanh" in str(node.target) for node in graphs[0].graph.nodes) == 6
