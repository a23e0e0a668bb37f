"""Cells, above all those given as one step, compiled: gradients are those of eager mode."""

import shutil

import pytest
import torch
from tolerances import assert_same
from torch.nn.functional import linear

from rnnswap import JANET, IndRNN, IndRNNv2, RecurrentLayer, with_attention
from rnnswap.ops import _inductor, _scan

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


def assert_compiled_is_eager(layer, *sizes, **options):
    call = torch.compile(layer, **options)
    for size in sizes or [(6, 3)]:
        x = torch.randn(*size, layer.input_size)
        expected, found = trained(layer, layer, x), trained(layer, call, x)
        for actual, truth in zip(found, expected, strict=True):
            assert_same(actual, truth, eps=512)


@needs_compiler
def test_sums_over_steps_are_not_overwritten():
    # One weight is as large as the other, and one layer as the next.
    assert_compiled_is_eager(Plain(7, 7, 2), fullgraph=True)


@needs_compiler
def test_compiled_without_arguments_at_another_length_and_batch_too():
    assert_compiled_is_eager(Plain(5, 7), (6, 3), (4, 2))


def test_numbers_may_be_read_while_inductor_writes_its_loop_only():
    from torch._inductor.virtualized import V
    from torch._subclasses import FakeTensorMode

    mode = FakeTensorMode()
    with V.set_fake_mode(mode):
        with _inductor._numbers_allowed():
            assert mode.allow_scalar_outputs
        assert not mode.allow_scalar_outputs


class Leaky(Plain):
    """Its step reads a number, and so does what comes before it."""

    def __init__(self, *args, leak=0.5, **kwargs):
        self.leak = leak
        super().__init__(*args, **kwargs)

    def project_input(self, x, weights):
        return super().project_input(self.leak * x, weights)

    def step(self, gates_x, state, weights):
        (new,) = super().step(gates_x, state, weights)
        return (state[0] + self.leak * (new - state[0]),)


NUMBERS = {
    "own number": (Leaky, {"leak": 0.3}, {"leak": 0.2}),
    "beta in a step": (JANET, {"layer_norm": True, "beta": 2.0}, {"layer_norm": True, "beta": 0.5}),
    "zoneout": (JANET, {"zoneout": 0.3}, {"zoneout": 0.2}),
    "zoneout of one state": (IndRNN, {"zoneout": 0.3}, {"zoneout": 0.2}),
}


@pytest.mark.parametrize("case", NUMBERS.values(), ids=NUMBERS)
def test_a_step_may_read_numbers_of_its_layer_that_dynamo_leaves_open(case):
    cls, *options = case
    layers = [cls(4, 6, **given).eval() for given in options]
    # Of the second layer's number Dynamo knows that it varies.
    for layer in layers:
        assert_compiled_is_eager(layer, backend="eager")
    torch.compiler.reset()
    assert_compiled_is_eager(layers[0], backend="eager", dynamic=True)
    assert not torch._dynamo.config.specialize_float


TRANSFORMED = {
    "one step": Plain,
    "attention": with_attention(Plain, "soft"),
    **{cls.__name__: cls for cls in (JANET, IndRNN, IndRNNv2)},
}


@pytest.mark.parametrize("cls", TRANSFORMED.values(), ids=TRANSFORMED)
def test_compiled_gradients_of_each_row_are_those_of_eager_mode(cls):
    layer = cls(4, 6).eval()
    values = {n: p.detach() for n, p in layer.named_parameters()}

    def loss(values, row):
        return torch.func.functional_call(layer, values, (row.unsqueeze(1),))[0].square().sum()

    of_rows = torch.func.vmap(torch.func.grad(loss), (None, 0))
    compiled = torch.compile(of_rows, backend="eager")
    for size in ((3, 5, 4), (2, 3, 4)):
        x = torch.randn(size)
        found, expected = compiled(values, x), of_rows(values, x)
        for name in values:
            assert_same(found[name], expected[name], eps=512)


def test_where_compiled_loops_are_not_known_to_be_right_steps_are_written_out(monkeypatch):
    monkeypatch.setattr(_scan, "loops_are_right", lambda: False)
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    assert_compiled_is_eager(Plain(5, 7), backend=backend, fullgraph=True)
    assert sum("tanh" in str(node.target) for node in graphs[0].graph.nodes) == 6
