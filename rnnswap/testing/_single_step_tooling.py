"""Checks of what traces or compiles a single-step cell."""

from __future__ import annotations

from typing import Any

import torch

from rnnswap.testing._checks import CELL, FULL, check
from rnnswap.testing._compare import require_all_same
from rnnswap.testing._compiling import require_compiler
from rnnswap.testing._subject import H, I, Subject
from rnnswap.testing._tooling import (
    COMPILED_EPS,
    quiet,
    require_onnx,
    require_scripted,
    run_onnx,
)

_NAMES = ("h", "c")
_FLOAT = torch.float32


def _given(rows: int) -> tuple[Any, Any]:
    state = torch.randn(rows, H), torch.randn(rows, H)
    return torch.randn(rows, I), state


def _require_same_calls(subject: Subject, make: Any, how: str) -> None:
    """Compare what `make` turns the cell into with the cell, at two batch sizes."""
    cell = subject.build(dtype=_FLOAT)
    with quiet():
        made = make(cell)
        for rows in (4, 9):
            x, state = _given(rows)
            found, truth = made(x, state), cell(x, state)
            require_all_same(found, truth, f"{how}, at B={rows}", names=_NAMES, eps=COMPILED_EPS)


@check(kind=CELL, level=FULL)
def compiled(subject: Subject) -> None:
    """torch.compile(fullgraph=True) gives the same numbers."""
    require_compiler()
    _require_same_calls(subject, lambda cell: torch.compile(cell, fullgraph=True), "compiled")


@check(kind=CELL, level=FULL)
def exported(subject: Subject) -> None:
    """torch.export with a dynamic batch is right at other ones."""
    _require_same_calls(subject, _export, "exported")


def _export(cell: Any) -> Any:
    batch = torch.export.Dim("batch", min=2)
    shapes = ({0: batch}, ({0: batch}, {0: batch}))
    return torch.export.export(cell, _given(4), dynamic_shapes=shapes).module()


@check(kind=CELL, level=FULL)
def onnx(subject: Subject) -> None:
    """The ONNX export is right in onnxruntime at another batch."""
    require_onnx()
    cell = subject.build(dtype=_FLOAT)
    with quiet():
        program: Any = torch.onnx.export(
            cell,
            (_given(4)[0],),
            dynamo=True,
            dynamic_shapes=({0: "batch"},),
            verbose=False,
        )
    x = torch.randn(9, I)
    found = run_onnx(program.model_proto, x)
    require_all_same(found, cell(x), "in onnxruntime", names=_NAMES, eps=COMPILED_EPS)


@check(kind=CELL, level=FULL)
def traced(subject: Subject) -> None:
    """torch.jit.trace is right at another batch."""
    trace: Any = torch.jit.trace
    _require_same_calls(subject, lambda cell: trace(cell, _given(4), check_trace=False), "traced")


@check(kind=CELL, level=FULL)
def scripted(subject: Subject) -> None:
    """torch.jit.script works as it does for nn.LSTMCell, or is refused in one sentence."""
    cell = subject.build(dtype=_FLOAT)
    x, state = _given(4)
    script = require_scripted(cell)
    if script is not None:
        found = script(x, state)
        require_all_same(found, cell(x, state), "scripted", names=_NAMES, eps=COMPILED_EPS)
