"""What speaks against Triton's kernels here. Imports triton only where one might run."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from rnnswap.ops._dispatch import FORCE_VARIABLE

_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_PLAIN = (Tensor, Parameter)
#: The oldest NVIDIA devices that triton supports: Ampere.
_OLDEST = (8, 0)


def kernels(recurrence: str) -> Any:
    """Return the module with the kernels of a recurrence, imported when it is first needed."""
    return importlib.import_module(f"rnnswap.ops.{recurrence}.gpu")


def reasons_against_triton(first: Tensor, *others: Tensor | None) -> list[str]:
    """Return why a kernel cannot take these tensors: device, type, size, or no triton at all."""
    given = [first, *(t for t in others if t is not None)]
    if any(t.device != first.device for t in given):
        return ["Triton's kernels take tensors of one device"]
    if first.is_cpu:
        reasons = _reasons_on_cpu()
    elif first.is_cuda:
        reasons = list(_reasons_on_cuda(first.device))
    else:
        reasons = [f"Triton's kernels run on CUDA devices, got {first.device}"]
    return reasons or _reasons_of_tensors(given)


def _reasons_of_tensors(given: list[Tensor]) -> list[str]:
    first = given[0]
    if any(type(t) not in _PLAIN or t.layout != torch.strided or t.is_neg() for t in given):
        return ["Triton's kernels take plain dense tensors, no subclasses nor views that negate"]
    if any(t.dtype != first.dtype for t in given):
        return ["Triton's kernels take tensors of one dtype"]
    if first.dtype not in _TYPES:
        return [f"Triton's kernels know floating-point numbers of 16 to 64 bits, got {first.dtype}"]
    if not first.numel():
        return ["there is nothing to compute"]
    return []


def _reasons_on_cpu() -> list[str]:
    """On the CPU kernels are interpreted, slowly, which is for tests: only when asked for."""
    if os.environ.get(FORCE_VARIABLE) != "gpu":
        return ["Triton's kernels run on CUDA devices, got cpu"]
    if missing := reason_against_importing():
        return [missing]
    if not importlib.import_module("rnnswap.ops.gpu").INTERPRETED:
        return [
            "Triton's kernels run on CUDA devices, got cpu, where triton can only interpret them: "
            "set TRITON_INTERPRET=1 before it is first imported"
        ]
    return []


@functools.cache
def _reasons_on_cuda(device: torch.device) -> tuple[str, ...]:
    """Try a kernel out, once a device: a driver, a compiler or the device itself may not do."""
    if missing := reason_against_importing():
        return (missing,)
    if torch.version.hip is None and torch.cuda.get_device_capability(device) < _OLDEST:
        return (f"triton supports compute capability 8.0 and newer, {device} is older",)
    try:
        importlib.import_module("rnnswap.ops.gpu").try_out(device)
    except Exception as error:  # whatever triton, its driver or its compiler raises
        line = next(iter(str(error).splitlines()), "")
        return (f"triton cannot run a kernel on {device}: {type(error).__name__}: {line}",)
    return ()


def reason_against_importing() -> str | None:
    """Return why there is no triton, or None; without importing it."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    return None
