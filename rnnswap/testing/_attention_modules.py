"""Checks of attention mechanisms as modules: precision, gradients, copies, compilers."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.testing._attention_subject import AttentionSubject, E, attend, dark_mask, sequence
from rnnswap.testing._checks import ATTENTION, FULL, CheckSkippedError, check
from rnnswap.testing._compare import (
    backward,
    nan_in_new_memory,
    require,
    require_all_same,
    require_equal,
    require_written,
)
from rnnswap.testing._quantized import quantized, require_near
from rnnswap.testing._report import BEYOND

_NAMES = ("context", "weights")
#: Against float64, in units of the last place: softmax and two products.
_EPS = 16


@check(kind=ATTENTION)
def attention_dtypes(subject: AttentionSubject) -> None:
    """float32 and bfloat16 come back as they are, as close to float64 as rounding allows."""
    for dtype in (torch.float32, torch.bfloat16):
        low, high = subject.build(dtype), subject.build()
        high.load_state_dict(low.state_dict())
        # Numbers of few bits, far enough apart that no choice among keys turns on rounding.
        x = (sequence() * 4).round().div(4).to(dtype)
        found = attend(low, x)
        require_equal({t.dtype for t in found}, {dtype}, "context and weights as")
        require_all_same(found, attend(high, x.double()), f"in {dtype}", names=_NAMES, eps=_EPS)


@check(kind=ATTENTION)
def attention_converted(subject: AttentionSubject) -> None:
    """.to(dtype) converts all of it."""
    module = subject.build()
    for dtype in (torch.bfloat16, torch.float32):
        found = attend(module.to(dtype), sequence(dtype))
        require_equal({t.dtype for t in found}, {dtype}, f"dtypes after .to({dtype}) of")


@check(kind=ATTENTION)
def attention_autocast(subject: AttentionSubject) -> None:
    """Under autocast to bfloat16 results are finite, and a query without keys gives zeros."""
    module, x = subject.build(torch.float32), sequence(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = attend(module, x, mask=dark_mask())
    for name, tensor in zip(_NAMES, found, strict=True):
        require(bool(tensor.isfinite().all()), f"expected finite {name} under autocast")
        require(not tensor[1, 2].any(), f"expected {name} of zero without keys under autocast")


@check(kind=ATTENTION)
def attention_quantized(subject: AttentionSubject) -> None:
    """A model with the mechanism runs after quantize_dynamic, about as it did before."""
    module, x = subject.build(torch.float32), sequence(torch.float32)
    require_near(attend(quantized(module), x)[0], attend(module, x)[0], "context")


def _context(subject: AttentionSubject) -> tuple[Any, tuple[Tensor, ...]]:
    """Return the context as a function of a sequence and all parameters, and arguments for it."""
    module, mask = subject.build(), dark_mask()
    names = [name for name, _ in module.named_parameters()]

    def call(x: Tensor, *weights: Tensor) -> Tensor:
        given = dict(zip(names, weights, strict=True))
        context: Tensor = torch.func.functional_call(module, given, (x, x, x, mask))[0]
        return context

    given = (sequence(), *(p.detach().clone() for p in module.parameters()))
    return call, tuple(t.requires_grad_() for t in given)


@check(kind=ATTENTION)
def attention_gradcheck(subject: AttentionSubject) -> None:
    """Gradients of the sequence and of parameters equal finite differences, under a mask."""
    torch.autograd.gradcheck(*_context(subject), fast_mode=True)


@check(kind=ATTENTION, group=BEYOND)
def attention_gradgradcheck(subject: AttentionSubject) -> None:
    """So do second derivatives."""
    torch.autograd.gradgradcheck(*_context(subject), fast_mode=True)


@check(kind=ATTENTION)
def every_parameter_learns(subject: AttentionSubject) -> None:
    """Every parameter gets a finite gradient: none is unused, which DDP refuses."""
    module = subject.build()
    if not [*module.parameters()]:
        raise CheckSkippedError("it has no parameters")
    backward(attend(module, sequence())[0].square())
    for name, parameter in module.named_parameters():
        fine = parameter.grad is not None and bool(parameter.grad.isfinite().all())
        require(fine, f"expected a finite gradient of {name}, got none or another")


@check(kind=ATTENTION)
def attention_copies(subject: AttentionSubject) -> None:
    """state_dict, deepcopy and pickle give twins with the same numbers."""
    module, x = subject.build(), sequence()
    twin = subject.build()
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    buffer.seek(0)
    twin.load_state_dict(torch.load(buffer, weights_only=True), strict=True)
    twins = {"after load_state_dict": twin, "of a deepcopy": copy.deepcopy(module)}
    if "<locals>" not in subject.cls.__qualname__:  # pickle finds no class inside a function
        twins["of a pickle"] = pickle.loads(pickle.dumps(module))
    for where, one in twins.items():
        require_all_same(attend(one, x), attend(module, x), where, names=_NAMES, eps=0)


@check(kind=ATTENTION)
def attention_on_meta(subject: AttentionSubject) -> None:
    """device="meta" makes parameters without memory."""
    module = subject.cls(E, E, device="meta", **subject.options)
    found = {p.device.type for p in module.parameters()}
    if not found:
        raise CheckSkippedError("it has no parameters")
    require_equal(found, {"meta"}, "parameters on")


@check(kind=ATTENTION, group=BEYOND)
def attention_new_memory(subject: AttentionSubject) -> None:
    """A mechanism on the meta device that is given memory draws it."""
    module = subject.cls(E, E, device="meta", **subject.options)
    if not [*module.parameters()]:
        raise CheckSkippedError("it has no parameters")
    with nan_in_new_memory():
        module.to_empty(device="cpu")
    require_written(module, "after to_empty")


class _One(nn.Module):
    """A mechanism with one input, and its context alone."""

    def __init__(self, mechanism: nn.Module) -> None:
        super().__init__()
        self.mechanism = mechanism

    def forward(self, x: Tensor) -> Tensor:
        context: Tensor = self.mechanism(x, x, x, causal=False)[0]
        return context


@check(kind=ATTENTION, level=FULL)
def attention_compiled(subject: AttentionSubject) -> None:
    """Under torch.compile context and gradient are the same."""
    _require_compiled(subject, fullgraph=False)


@check(kind=ATTENTION, group=BEYOND, level=FULL)
def attention_compiled_whole(subject: AttentionSubject) -> None:
    """torch.compile takes it as one graph."""
    _require_compiled(subject, fullgraph=True)


def _require_compiled(subject: AttentionSubject, *, fullgraph: bool) -> None:
    torch.compiler.reset()
    module, x = _One(subject.build()), sequence().requires_grad_()
    compiled: Any = torch.compile(module, backend="aot_eager", fullgraph=fullgraph)
    found, expected = (
        (y, *torch.autograd.grad(y.sin().sum(), x)) for y in (compiled(x), module(x))
    )
    require_all_same(found, expected, "compiled", names=("context", "gradient"))


@check(kind=ATTENTION, level=FULL)
def attention_exported(subject: AttentionSubject) -> None:
    """torch.export with any batch size and number of steps is right at others."""
    module = _One(subject.build())
    sizes = {0: torch.export.Dim("batch", min=2), 1: torch.export.Dim("steps", min=4)}
    program = torch.export.export(module, (sequence(),), dynamic_shapes={"x": sizes})
    longer = sequence(steps=7, rows=5)
    found, expected = program.module()(longer), module(longer)
    require_all_same((found,), (expected,), "exported", names=("context",))
