"""Checks of what traces or compiles a layer: torch.compile, torch.export, ONNX, TorchScript."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import logging
import shutil
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.spec import TRACED_LENGTH
from rnnswap.testing._checks import FULL, CheckFailedError, CheckSkippedError, check
from rnnswap.testing._compare import (
    backward,
    describe,
    gradient,
    is_one_sentence,
    require,
    require_all_same,
    require_equal,
    require_same,
)
from rnnswap.testing._report import BEYOND
from rnnswap.testing._subject import I, Setting, Subject, inputs, run

#: Compiled code sums in another order than eager code.
COMPILED_EPS = 256
_FLOAT = torch.float32


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what compilers print and log to themselves, and forget what was compiled."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    # Code of the base class is shared: torch.compile gives up after 8 compilations of it.
    torch.compiler.reset()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        torch.compiler.reset()
        logging.disable(before)


@check(group=BEYOND, level=FULL)
def compiled(subject: Subject) -> None:
    """torch.compile(fullgraph=True) gives the same results and gradients, without a flag."""
    require_compiler()
    # Where all widths are equal, buffers of the loop are of the size of what comes after it.
    layers = {"num_layers": 2} if subject.can("num_layers") else {}
    for setting in ({}, {"hidden_size": I, **layers}):
        _require_compiled(subject, setting, "inductor")


@check(group=BEYOND, level=FULL)
def compiled_in_every_form(subject: Subject) -> None:
    """torch.compile(fullgraph=True, backend="aot_eager") does with layers and directions too."""
    for setting in subject.settings(subject.deep(), {"proj_size": 2}):
        _require_compiled(subject, setting, "aot_eager")


def require_compiler() -> None:
    """Skip the check where torch.compile has no C++ compiler to call."""
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        raise CheckSkippedError("no C++ compiler")


def _require_compiled(subject: Subject, setting: Setting, backend: str) -> None:
    layer, x = subject.build(setting, _FLOAT), inputs(setting, dtype=_FLOAT)
    names = ["input", *(name for name, _ in layer.named_parameters())]

    def results(call: Any) -> tuple[Any, list[Tensor]]:
        layer.zero_grad()
        given = x.clone().requires_grad_()
        found = run(call, given)
        backward(found[0].square())
        return found, [gradient(t) for t in (given, *layer.parameters())]

    truth, gradients = results(layer)
    with quiet():
        found, compiled_gradients = results(torch.compile(layer, fullgraph=True, backend=backend))
    require_all_same(found, truth, f"compiled by {backend}, {setting}", eps=COMPILED_EPS)
    where = f"gradient compiled by {backend}, {setting}"
    require_all_same(compiled_gradients, gradients, where, names=names, eps=COMPILED_EPS)


@check(group=BEYOND, level=FULL)
def compiled_size(subject: Subject) -> None:
    """The compiled graphs, forward and backward, do not grow with the number of steps."""
    sizes = {steps: _graph_size(subject, steps) for steps in (4, 40)}
    require(
        sizes[40] <= sizes[4],
        f"expected as many nodes at T=40 as the {sizes[4]} at T=4, got {sizes[40]}",
    )


def _graph_size(subject: Subject, steps: int) -> int:
    """Return how many nodes torch.compile hands to its backend for one training step."""
    from torch._dynamo.backends.common import aot_autograd

    counted: list[int] = []

    def count(graph: torch.fx.GraphModule, _: Any) -> Any:
        counted.append(_nodes(graph))
        return graph.forward

    backend: Any = aot_autograd(fw_compiler=count, bw_compiler=count)
    layer = subject.build(dtype=_FLOAT)
    with quiet():
        compiled = torch.compile(layer, fullgraph=True, backend=backend, dynamic=False)
        backward(run(compiled, inputs(steps=steps, dtype=_FLOAT))[0])
    require_equal(len(counted), 2, "graphs (forward and backward)")
    return sum(counted)


def _nodes(graph: torch.fx.GraphModule) -> int:
    modules = [m for m in graph.modules() if isinstance(m, torch.fx.GraphModule)]
    return sum(len(m.graph.nodes) for m in modules)


@check(group=BEYOND, level=FULL)
def exported(subject: Subject) -> None:
    """torch.export with dynamic batch and length is right at other ones."""
    layer = subject.build(dtype=_FLOAT)
    steps, batch = torch.export.Dim("steps", min=2), torch.export.Dim("batch", min=2)
    example = (inputs(dtype=_FLOAT),)
    with quiet():
        program = torch.export.export(layer, example, dynamic_shapes=({0: steps, 1: batch},))
        for size in ((5, 4), (16, 3), (2, 9)):
            x = inputs(None, *size, dtype=_FLOAT)
            found = run(program.module(), x)
            require_all_same(
                found, run(layer, x), f"exported, at (T, B) = {size}", eps=COMPILED_EPS
            )


@check(group=BEYOND, level=FULL)
def onnx(subject: Subject) -> None:
    """The ONNX export is right in onnxruntime at another T and B, and no larger at T=50."""
    require_onnx()
    layer = subject.build(dtype=_FLOAT)
    truth_at = {size: inputs(None, *size, dtype=_FLOAT) for size in ((16, 3), (2, 7))}
    sizes = {}
    for steps in (5, 50):
        with quiet():
            model = _onnx_model(layer, steps)
        sizes[steps] = _onnx_nodes(model.graph)
        for size, x in truth_at.items():
            where = f"in onnxruntime, exported at T={steps}, run at (T, B) = {size}"
            require_all_same(run_onnx(model, x), run(layer, x), where, eps=COMPILED_EPS)
    require_equal(sizes[50], sizes[5], "as many ONNX nodes at T=50 as at T=5,")


def require_onnx() -> None:
    """Skip the check where ONNX's packages are missing."""
    missing = [
        name
        for name in ("onnx", "onnxscript", "onnxruntime")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise CheckSkippedError(f"not installed: {', '.join(missing)}")


def _onnx_model(layer: Any, steps: int) -> Any:
    try:
        program = torch.onnx.export(
            layer,
            (inputs(steps=steps, dtype=_FLOAT),),
            dynamo=True,
            dynamic_shapes=({0: "steps", 1: "batch"},),
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:  # its own text is a page of advice
        raise CheckFailedError(describe(error.__cause__ or error)) from error
    assert program is not None
    return program.model_proto


def _onnx_nodes(graph: Any) -> int:
    """Count nodes, those of subgraphs (loops and branches) included."""
    inner = (a.g for node in graph.node for a in node.attribute if a.HasField("g"))
    return len(graph.node) + sum(_onnx_nodes(g) for g in inner)


def run_onnx(model: Any, x: Tensor) -> list[Tensor]:
    """Run a model of one input in onnxruntime."""
    onnxruntime: Any = importlib.import_module("onnxruntime")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    results = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    return [torch.from_numpy(result) for result in results]


@check(level=FULL)
def traced(subject: Subject) -> None:
    """torch.jit.trace is right for other values and at another batch size."""
    layer = subject.build(subject.deep(), _FLOAT)
    trace = _trace(layer)
    for batch in (4, 7):
        x = inputs(batch=batch, dtype=_FLOAT)
        require_all_same(run(trace, x), run(layer, x), f"traced, at B={batch}", eps=COMPILED_EPS)


@check(level=FULL, needs=(TRACED_LENGTH,))
def traced_at_another_length(subject: Subject) -> None:
    """torch.jit.trace is right at another number of steps."""
    layer = subject.build(subject.deep(), _FLOAT)
    trace = _trace(layer)
    for steps in (2, 16):
        x = inputs(steps=steps, dtype=_FLOAT)
        try:
            found = run(trace, x)
        except RuntimeError as error:  # the last line tells what, those before it where
            last = str(error).strip().splitlines()[-1]
            raise CheckFailedError(f"traced at T=5, run at T={steps}: {last}") from error
        require_all_same(found, run(layer, x), f"traced, at T={steps}", eps=COMPILED_EPS)


def _trace(layer: Any) -> Any:
    with quiet():
        trace: Any = torch.jit.trace
        return trace(layer, inputs(dtype=_FLOAT), check_trace=False)


class _Wrapped(nn.Module):
    """Calls the layer: torch.jit.script gives nn.LSTM a forward only inside another module."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        output, _ = self.layer(x)
        return output  # type: ignore[no-any-return]


@check(level=FULL)
def scripted(subject: Subject) -> None:
    """torch.jit.script works as it does for nn.LSTM, or is refused in one sentence."""
    layer = subject.build(dtype=_FLOAT)
    script = require_scripted(_Wrapped(layer))
    if script is not None:
        x = torch.randn(7, 3, I)
        require_same(script(x), run(layer, x)[0], "output when scripted", eps=COMPILED_EPS)


def require_scripted(module: nn.Module) -> Any:
    """Return what torch.jit.script makes of a module, None if it is refused in one sentence."""
    try:
        with quiet():
            return torch.jit.script(module)
    except Exception as error:
        if is_one_sentence(error):
            return None
        raise CheckFailedError(
            f"expected torch.jit.script to work or one sentence, got {describe(error)} ..."
        ) from error
