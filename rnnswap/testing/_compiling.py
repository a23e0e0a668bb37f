"""Checks of torch.compile, called as people call it."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.testing._checks import FULL, CheckSkippedError, check
from rnnswap.testing._compare import (
    backward,
    gradient,
    relative_error,
    require,
    require_all_same,
    require_equal,
    require_same,
)
from rnnswap.testing._report import BEYOND
from rnnswap.testing._subject import H, I, Setting, Subject, inputs, run
from rnnswap.testing._tooling import COMPILED_EPS, quiet

_FLOAT = torch.float32
#: Numbers of steps and rows; what is compiled for the first is compiled anew for any.
_SIZES = (5, 4), (7, 3)
#: What bfloat16 products in another order differ by, of the largest value.
_AUTOCAST_ERROR = 0.05


def require_compiler() -> None:
    """Skip the check where torch.compile has no C++ compiler to call."""
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        raise CheckSkippedError("no C++ compiler")


@check(level=FULL)
def compiled_as_it_is(subject: Subject) -> None:
    """torch.compile(layer), without arguments, trains as eager code, at another T and B too."""
    require_compiler()
    _require_compiled(subject, {}, _SIZES)
    _require_compiled(subject, {}, _SIZES[:1], train=False, mode="reduce-overhead")


@check(level=FULL)
def compiled_by_every_backend(subject: Subject) -> None:
    """Backends eager and aot_eager train too, with sizes left open, fixed and as they come."""
    # As many as find what differs between them: each takes seconds.
    _require_compiled(subject, subject.deep(), _SIZES, backend="aot_eager")
    _require_compiled(subject, {}, _SIZES, backend="aot_eager", dynamic=True)
    _require_compiled(subject, {}, _SIZES, backend="eager", dynamic=False)


@check(level=FULL)
def compiled_with_autocast(subject: Subject) -> None:
    """Compiled code under autocast gives bfloat16 where eager code does, and gradients as near."""
    layer = subject.build(dtype=_FLOAT)
    with quiet():
        call = torch.compile(layer, backend="aot_eager")
        for steps, batch in _SIZES:
            x = inputs(None, steps, batch, _FLOAT)
            found, truth = (_trained(layer, c, x, autocast=True) for c in (call, layer))
            for name, a, b in zip(_names(layer), found, truth, strict=True):
                require(a.dtype == b.dtype, f"expected {b.dtype} for {name}, got {a.dtype}")
                error = relative_error(a, b)
                require(error <= _AUTOCAST_ERROR, f"{name} under autocast differs by {error:.2g}")


class _Tagger(nn.Module):
    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.embed, self.rnn, self.out = nn.Embedding(10, I), rnn, nn.Linear(H, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        scores: Tensor = self.out(self.rnn(self.embed(tokens))[0])
        return scores


@check(level=FULL)
def compiled_training_step(subject: Subject) -> None:
    """A whole model's training step, compiled with the optimizer in it, learns as eager code."""
    model = _Tagger(subject.build(dtype=_FLOAT))
    twin = copy.deepcopy(model)
    with quiet():
        step, eager = torch.compile(_step(model), backend="aot_eager"), _step(twin)
        for size in (*_SIZES, *_SIZES):
            tokens = torch.randint(10, size)
            require_same(step(tokens), eager(tokens), "loss of a step", eps=COMPILED_EPS)
    for (name, p), q in zip(model.named_parameters(), twin.parameters(), strict=True):
        require_same(p, q, f"{name} after compiled steps", eps=COMPILED_EPS)


def _step(model: nn.Module) -> Callable[[Tensor], Tensor]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(tokens: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = model(tokens).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    return step


@check(level=FULL)
def compiled_per_sample_gradients(subject: Subject) -> None:
    """torch.compile of vmap(grad), gradients of each row, gives what a loop over rows gives."""
    layer = subject.build(dtype=_FLOAT)
    values = {name: p.detach() for name, p in layer.named_parameters()}
    x = torch.randn(3, 4, I)

    def loss(values: dict[str, Tensor], row: Tensor) -> Tensor:
        output: Tensor = torch.func.functional_call(layer, values, (row.unsqueeze(1),))[0]
        return output.square().sum()

    with quiet():
        of_rows = torch.func.vmap(torch.func.grad(loss), (None, 0))
        found = torch.compile(of_rows, backend="aot_eager")(values, x)
    for index, row in enumerate(x):
        layer.zero_grad()
        backward(run(layer, row.unsqueeze(1))[0].square())
        for name, p in layer.named_parameters():
            what = f"compiled gradient of {name} of a row"
            require_same(found[name][index], gradient(p), what, eps=COMPILED_EPS)


@check(group=BEYOND, level=FULL)
def compiled(subject: Subject) -> None:
    """torch.compile(fullgraph=True) gives the same results and gradients, without a flag."""
    require_compiler()
    # Where all widths are equal, buffers of the loop are of the size of what comes after it.
    layers = {"num_layers": 2} if subject.can("num_layers") else {}
    for setting in ({}, {"hidden_size": I, **layers}):
        _require_compiled(subject, setting, _SIZES[:1], fullgraph=True)


@check(group=BEYOND, level=FULL)
def compiled_in_every_form(subject: Subject) -> None:
    """torch.compile(fullgraph=True, backend="aot_eager") does with layers and directions too."""
    for setting in subject.settings(subject.deep(), {"proj_size": 2}):
        _require_compiled(subject, setting, _SIZES[:1], fullgraph=True, backend="aot_eager")


def _require_compiled(
    subject: Subject, setting: Setting, sizes: Any, train: bool = True, **how: Any
) -> None:
    """Compile a layer once and compare what it gives at each of `sizes` with eager code."""
    layer = subject.build(setting, _FLOAT)
    results = _trained if train else _called
    words = ", ".join(f"{key}={value!r}" for key, value in how.items())
    with quiet():
        call = torch.compile(layer, **how)
        for steps, batch in sizes:
            x = inputs(setting, steps, batch, _FLOAT)
            with torch.set_grad_enabled(train):
                found, truth = (results(layer, c, x) for c in (call, layer))
            where = f"by torch.compile({words}) of {dict(setting)} at (T, B) = {(steps, batch)}"
            names = _names(layer)[: len(truth)]
            require_all_same(found, truth, where, names=names, eps=COMPILED_EPS)


def _trained(layer: Any, call: Any, x: Tensor, autocast: bool = False) -> list[Tensor]:
    """Return the results of a call, and the gradients of input and parameters."""
    layer.zero_grad()
    given = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found = run(call, given)
    backward(sum(part.float().square().sum() for part in found))  # type: ignore[arg-type]
    return [*found, *(gradient(t) for t in (given, *layer.parameters()))]


def _called(_: Any, call: Any, x: Tensor) -> list[Tensor]:
    return list(run(call, x))


def _names(layer: nn.Module) -> list[str]:
    gradients = (f"gradient of {n}" for n, _ in layer.named_parameters())
    return ["output", "h_n", "c_n", "gradient of the input", *gradients]


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
