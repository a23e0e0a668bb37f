"""Checks of precision: which dtypes run, what comes back, and how close to float64 it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.spec import ROUNDING
from rnnswap.testing._checks import check
from rnnswap.testing._compare import backward, gradient, require, require_all_same, require_equal
from rnnswap.testing._report import BEYOND
from rnnswap.testing._subject import (
    Setting,
    Subject,
    inputs,
    run,
    states,
    torch_layer,
)

#: Allowed against float64, in units of the last place of the dtype (torch's and our cells need 2).
_FORWARD_EPS = 8
#: Of all gradients taken together, by their norm: a relu that rounds to the other side of 0 changes
#: single ones entirely.
_GRADIENT_EPS = 16


@check()
def float64(subject: Subject) -> None:
    """float64 comes back as float64, gradients too."""
    _require_kept(subject, torch.float64)


@check(needs=(ROUNDING,))
def float32(subject: Subject) -> None:
    """float32 comes back as float32, as close to the class's own float64 as rounding allows."""
    _require_kept(subject, torch.float32)


@check(needs=(ROUNDING,))
def bfloat16(subject: Subject) -> None:
    """bfloat16 comes back as bfloat16, as close to float64 as rounding allows."""
    _require_kept(subject, torch.bfloat16)


@check(needs=(ROUNDING,))
def float16(subject: Subject) -> None:
    """float16 comes back as float16, as close to float64 as rounding allows."""
    _require_kept(subject, torch.float16)


def _require_kept(subject: Subject, dtype: torch.dtype) -> None:
    setting = subject.deep()
    given = [inputs(setting), *states(setting)]
    require_close_to_float64(subject, setting, dtype, given, run, ("output", "h_n", "c_n"))


def require_close_to_float64(
    subject: Subject,
    setting: Setting,
    dtype: torch.dtype,
    given: list[Tensor],
    call: Callable[..., Any],
    names: Sequence[str],
) -> None:
    """Compare results and gradients in `dtype` with those of the same numbers in float64.

    Args:
        subject: The class under test.
        setting: How it is built.
        dtype: The precision under test.
        given: Input and the two states.
        call: Takes module, input and state, returns tensors.
        names: Of these tensors.
    """
    low, high = subject.build(setting, dtype), subject.build(setting)
    high.load_state_dict(low.state_dict())  # copied into float64
    given = [t.to(dtype) for t in given]
    found, gradients = _results_and_gradients(low, call, given)
    truth, true_gradients = _results_and_gradients(high, call, [t.double() for t in given])
    for name, tensor in (dict(zip(names, found, strict=True)) | gradients).items():
        require_equal(tensor.dtype, dtype, f"{name} as")
    require_all_same(found, truth, f"in {dtype}", names=names, eps=_FORWARD_EPS)
    flat, true_flat = (
        torch.cat([t.double().flatten() for t in g.values()]) for g in (gradients, true_gradients)
    )
    error = float((flat - true_flat).norm() / true_flat.norm())
    allowed = _GRADIENT_EPS * torch.finfo(dtype).eps
    require(
        error <= allowed,
        f"gradients in {dtype} differ by {error:.2g} of their norm, at most {allowed:.2g} is right",
    )


def _results_and_gradients(
    module: nn.Module, call: Callable[..., Any], given: list[Tensor]
) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    leaves = [t.detach().requires_grad_() for t in given]
    results = tuple(call(module, leaves[0], tuple(leaves[1:])))
    torch.autograd.backward(results, [torch.ones_like(t) for t in results])
    named = dict(zip(("input", "h_0", "c_0"), leaves, strict=True))
    gradients = {}
    for name, leaf in (named | dict(module.named_parameters())).items():
        gradients[f"gradient of {name}"] = gradient(leaf)
    return results, gradients


@check()
def converted_module(subject: Subject) -> None:
    """.double(), .bfloat16(), .half() and .to() convert the whole layer."""
    layer = subject.build(subject.deep(), torch.float32)
    for dtype in (torch.float64, torch.bfloat16, torch.float16, torch.float32):
        layer = layer.to(dtype)
        results = run(layer, inputs(subject.deep(), dtype=dtype))
        require_equal({t.dtype for t in results}, {dtype}, f"results after .to({dtype}) of")


def _autocast_dtypes(layer: nn.Module, low: torch.dtype, with_state: bool) -> list[torch.dtype]:
    """Return the dtypes of output, h_n and every gradient of a run under autocast."""
    setting = {"proj_size": layer.proj_size}
    x = inputs(dtype=torch.float32)
    state = states(setting, dtype=torch.float32) if with_state else None
    with torch.autocast("cpu", dtype=low):
        output, h_n, _ = run(layer, x, state)
    backward(output.float())
    grads = [p.grad.dtype for p in layer.parameters() if p.grad is not None]
    return [output.dtype, h_n.dtype, *sorted(set(grads), key=str)]


@check(needs=("proj_size",))
def autocast(subject: Subject) -> None:
    """Under autocast output and h_n have the dtype of nn.LSTM's; gradients the parameters'."""
    for low in (torch.bfloat16, torch.float16):
        _require_autocast(subject, {"proj_size": 2}, low)
        try:
            _autocast_dtypes(torch_layer({}, torch.float32), low, False)
        except RuntimeError:
            continue  # this processor has no kernel for nn.LSTM: see autocast-on-this-processor
        for setting in subject.settings({}):
            _require_autocast(subject, setting, low)


@check(group=BEYOND)
def autocast_on_this_processor(subject: Subject) -> None:
    """Autocast runs without a projection, whatever low precision kernels the processor has."""
    for low in (torch.bfloat16, torch.float16):
        for with_state in (False, True):
            found = _autocast_dtypes(subject.build(dtype=torch.float32), low, with_state)
            require_equal(found, [low, low, torch.float32], f"dtypes under autocast to {low}:")


def _require_autocast(subject: Subject, setting: Setting, low: torch.dtype) -> None:
    for with_state in (False, True):
        expected = _autocast_dtypes(torch_layer(setting, torch.float32), low, with_state)
        found = _autocast_dtypes(subject.build(setting, torch.float32), low, with_state)
        require_equal(found, expected, f"dtypes of output, h_n and gradients, {setting}:")
