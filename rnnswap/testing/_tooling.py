"""Checks of what traces or compiles a layer: torch.compile, torch.export, ONNX, TorchScript."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.spec import TRACED_LENGTH
from rnnswap.testing._checks import FULL, CheckFailedError, CheckSkippedError, check
from rnnswap.testing._compare import (
    describe,
    is_one_sentence,
    require,
    require_all_same,
    require_equal,
    require_same,
)
from rnnswap.testing._report import BEYOND
from rnnswap.testing._subject import I, Subject, inputs, run, states

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
def onnx_by_the_older_exporter(subject: Subject) -> None:
    """torch.onnx.export(dynamo=False) is right at another T and B, or refused in one sentence."""
    require_onnx()
    layer, file = subject.build(dtype=_FLOAT), io.BytesIO()
    export: Any = torch.onnx.export
    names = {"input_names": ["x"], "dynamic_axes": {"x": {0: "steps", 1: "batch"}}}
    try:
        with quiet():
            export(layer, (inputs(dtype=_FLOAT),), file, dynamo=False, **names)
    except NotImplementedError as error:
        require(is_one_sentence(error), f"expected one sentence, got {describe(error)}")
        return
    model: Any = importlib.import_module("onnx").load_from_string(file.getvalue())
    for size in ((16, 3), (2, 7)):
        x = inputs(None, *size, dtype=_FLOAT)
        where = f"in onnxruntime, exported with dynamo=False, run at (T, B) = {size}"
        require_all_same(run_onnx(model, x), run(layer, x), where, eps=COMPILED_EPS)


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


@check(level=FULL)
def traced_with_a_state(subject: Subject) -> None:
    """torch.jit.trace takes a layer whose state needs a gradient, and gives that gradient."""
    layer = subject.build(subject.deep(), _FLOAT)
    x, state = inputs(dtype=_FLOAT), states(subject.deep(), dtype=_FLOAT)
    given = tuple(s.requires_grad_() for s in state)
    trace: Any = torch.jit.trace
    with quiet():
        traced = trace(layer, (x, given))  # traces twice, and compares
    found, truth = run(traced, x, given), run(layer, x, given)
    require_all_same(found, truth, "traced with a state", eps=COMPILED_EPS)
    grads, expected = (
        torch.autograd.grad([part.sum() for part in results], given) for results in (found, truth)
    )
    names = ("gradient of h_0", "gradient of c_0")
    require_all_same(grads, expected, "from a trace", names=names, eps=COMPILED_EPS)


def _trace(layer: Any) -> Any:
    with quiet():
        trace: Any = torch.jit.trace
        return trace(layer, inputs(dtype=_FLOAT), check_trace=False)


class Wrapped(nn.Module):
    """Calls the layer: torch.jit.script gives nn.LSTM a forward only inside another module."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        output, _ = self.layer(x)
        return output  # type: ignore[no-any-return]


@check(level=FULL)
def fx_traced(subject: Subject) -> None:
    """torch.fx takes the layer for one module of a model, right at another T and B."""
    require_one_node(subject, [(inputs(None, *size, _FLOAT),) for size in ((5, 4), (3, 7))])


def require_one_node(subject: Subject, calls: Sequence[tuple[Any, ...]]) -> None:
    """Fail unless torch.fx.symbolic_trace makes one node of the class, and computes the same."""
    model = Wrapped(subject.build(dtype=_FLOAT))
    try:
        graph = torch.fx.symbolic_trace(model)
    except Exception as error:  # whatever the class does with what stands for a tensor
        wanted = (
            "expected one node in a graph of torch.fx, as nn.LSTM is (RecurrentLayer sees to it)"
        )
        raise CheckFailedError(f"{wanted}, got {describe(error)}") from error
    found = [str(node.target) for node in graph.graph.nodes if node.op == "call_module"]
    require_equal(found, ["layer"], "modules in a graph of torch.fx")
    for given in calls:
        require_same(graph(*given), model(*given), "output in torch.fx", eps=0)


@check(level=FULL)
def scripted(subject: Subject) -> None:
    """torch.jit.script works as it does for nn.LSTM, or is refused in one sentence."""
    layer = subject.build(dtype=_FLOAT)
    script = require_scripted(Wrapped(layer))
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
