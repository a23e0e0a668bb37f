"""The C library of the recurrences: found, loaded once, and asked what it can do."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from rnnswap.ops._scan import plain_gradient

#: Name of the shared library beside this file.
LIBRARY = "librnnswap.so"
_TYPES = {torch.float32: 0, torch.float64: 1}
_PLAIN = (Tensor, Parameter)


@functools.cache
def load() -> ctypes.CDLL | str:
    """Return the library, or in words why there is none."""
    path = Path(__file__).with_name(LIBRARY)
    if not path.exists():
        return "the C library was not built when rnnswap was installed (no C compiler)"
    try:
        _share_openmp()
        return ctypes.CDLL(str(path))
    except OSError as error:
        return f"the C library cannot be loaded: {error}"


@functools.cache
def level() -> int:
    """Return the instruction set that this machine's CPU allows."""
    library = load()
    return 0 if isinstance(library, str) else int(library.rnnswap_level())


def reasons_against_native(first: Tensor, *others: Tensor | None) -> list[str]:
    """Return why a kernel cannot take these tensors: device, type, or no library at all."""
    library = load()
    if isinstance(library, str):
        return [library]
    for t in (first, *others):  # one pass on the way to a kernel, words only where there are any
        if t is not None and not (
            t.is_cpu
            and type(t) in _PLAIN
            and t.dtype is first.dtype
            and t.layout is torch.strided
            and not t.is_neg()
        ):
            return _reasons_in_words((first, *others))
    return [] if first.dtype in _TYPES else _reasons_in_words((first, *others))


def _reasons_in_words(tensors: Sequence[Tensor | None]) -> list[str]:
    given = [t for t in tensors if t is not None]
    first = given[0]
    if any(t.device.type != "cpu" for t in given):
        return [f"the C library runs on the CPU, got {first.device}"]
    if any(type(t) not in _PLAIN or t.layout != torch.strided or t.is_neg() for t in given):
        return ["the C library takes plain dense tensors, no subclasses nor views that negate"]
    if first.dtype not in _TYPES:
        return [f"the C library knows float32 and float64, got {first.dtype}"]
    return ["the C library takes tensors of one dtype"]


def fields(*groups: tuple[type, str]) -> tuple[tuple[str, type], ...]:
    """Return the fields of a C structure from its types, each with the names that have it."""
    return tuple((name, kind) for kind, names in groups for name in names.split())


def function(name: str, arguments: type[ctypes.Structure]) -> Any:
    """Return a kernel of the library; it takes one structure."""
    found = getattr(load(), name)
    found.argtypes = [ctypes.POINTER(arguments), ctypes.c_int, ctypes.c_int, ctypes.c_int]
    found.restype = ctypes.c_int
    return found


def call(kernel: Any, arguments: ctypes.Structure, like: Tensor) -> None:
    """Call a kernel on arrays of the type of `like`, with as many threads as torch has.

    Raises:
        MemoryError: There is no room to work in.
    """
    threads = torch.get_num_threads()
    if kernel(ctypes.byref(arguments), _TYPES[like.dtype], level(), threads):
        raise MemoryError("not enough memory for the C loops to work in")


def contiguous(tensor: Tensor | None) -> Tensor | None:
    """Return the tensor as the kernels read it; None stays None."""
    return None if tensor is None else tensor.contiguous()


#: struct rnnswap_steps of steps.h, with which every kernel's structure begins.
STEPS = (
    (ctypes.c_int64, "T B rows"),
    (ctypes.c_void_p, "first lengths"),
    (ctypes.c_int, "reverse packed"),
)


def steps(x: Tensor, lengths: Tensor | None, reverse: bool) -> tuple[Any, ...]:
    """Return the values of STEPS; the caller keeps `lengths`, of `lengths_for`, alive."""
    where = None if lengths is None else lengths.data_ptr()
    if x.dim() == 3:
        return (*x.shape[:2], 0, None, where, reverse, False)
    if lengths is None:
        raise ValueError("packed input needs lengths")
    return (int(lengths[0]), len(lengths), 0, None, where, reverse, True)


def rows(tensor: Tensor) -> tuple[Tensor, int, int]:
    """Return a tensor (T, B, features) with features together, and its strides over T and B.

    A packed tensor (N, features) has a stride over N in the latter's place. What is one row
    repeated, as the gradient of a sum, stays one row.
    """
    *_, step, row, last = (0, *tensor.stride())
    if last != 1 and tensor.size(-1) != 1:
        if tensor.numel() and step == row == 0:
            return tensor.view(-1, tensor.size(-1))[0].contiguous(), 0, 0
        tensor = tensor.contiguous()
        *_, step, row, last = (0, *tensor.stride())
    return tensor, step, row


def check_shapes(*expected: tuple[str, Tensor | None, tuple[int, ...]]) -> None:
    """Refuse tensors whose sizes do not fit each other: a kernel would read beyond their memory.

    Raises:
        RuntimeError: One has another shape than expected.
    """
    for name, tensor, shape in expected:
        if tensor is not None and tensor.shape != shape:
            raise RuntimeError(
                f"expected {name} of shape {shape}, to fit the other tensors, got "
                f"{tuple(tensor.shape)}"
            )


def check_saved(grads: Sequence[Tensor | None], like: Tensor, *saved: Tensor | None) -> None:
    """Refuse what hooks on saved tensors brought back as something that a kernel cannot read.

    Raises:
        RuntimeError: One is of another type or on another device.
    """
    dtype = like.dtype
    for t in saved:  # one quick pass, words only where there are any
        if t is not None and not (t.dtype is dtype and t.is_cpu):
            reasons = reasons_against_native(like, *saved)
            raise RuntimeError(f"a tensor saved for backward came back changed: {reasons[0]}")
    for grad in grads:
        if grad is not None and grad.dtype is not dtype:
            raise RuntimeError(
                f"a tensor saved for backward came back changed: it is {dtype}, the gradient "
                f"{grad.dtype}"
            )


def lengths_for(lengths: Tensor | None) -> Tensor | None:
    """Return lengths as the kernels read them: int64 on the CPU, contiguous."""
    return None if lengths is None else lengths.to("cpu", torch.int64).contiguous()


def of_outputs(grad: Tensor | None, outputs: Tensor) -> Tensor:
    """Return the gradient of all steps' outputs; zeros that take no room where there is none."""
    if grad is None:
        return outputs.new_zeros(()).expand(outputs.shape)
    return plain_gradient(grad)


def running(grad: Tensor | None, like: Tensor, *shape: int) -> Tensor:
    """Return the gradient of a last state, to be overwritten by that of the first."""
    if grad is None:
        return like.new_zeros(shape)
    return plain_gradient(grad).clone(memory_format=torch.contiguous_format)


def pointers(*tensors: Tensor | None) -> list[int | None]:
    """Return the addresses of the tensors' first elements; the caller keeps the tensors alive.

    Raises:
        RuntimeError: A tensor's storage was freed, as FSDP does with what it does not need.
    """
    addresses = [None if t is None else t.data_ptr() for t in tensors]
    for address, tensor in zip(addresses, tensors, strict=True):
        if address == 0 and tensor is not None and tensor.numel():
            raise RuntimeError(
                f"the tensor of shape {tuple(tensor.shape)} has no memory: its storage was freed"
            )
    return addresses


def _share_openmp() -> None:
    """Make the OpenMP runtime that torch has loaded visible to the library.

    The library is linked against none, so that there is one runtime, and one team of threads, in
    the process.
    """
    beside_torch = Path(torch.__file__).parent
    candidates = sorted((beside_torch / "lib").glob("libgomp*"))
    candidates += sorted(beside_torch.with_name("torch.libs").glob("libgomp*"))
    for name in [*map(str, candidates), "libgomp.so.1", "libomp.so", "libiomp5.so"]:
        try:
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL | os.RTLD_NOLOAD)
        except OSError:
            continue  # not the one that torch has loaded
        return
