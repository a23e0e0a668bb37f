"""The C library of the recurrences: found, loaded once, and asked what it can do."""

from __future__ import annotations

import ctypes
import functools
import os
import struct
from collections.abc import Callable, Sequence
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


def record(*groups: tuple[str, str]) -> Callable[..., bytes]:
    """Return a function that packs a C structure from its values, in order.

    Bytes are packed in a third of the time that a ctypes.Structure takes to be filled.

    Args:
        *groups: A code of the module struct ("q" int64_t, "i" int, "d" double, "P" a pointer, null
            being 0), and the names of the fields that have that type.
    """
    codes = "".join(code * len(names.split()) for code, names in groups)
    return struct.Struct(f"@{codes}0q").pack  # ends where the C structure ends


def function(name: str) -> Any:
    """Return a kernel of the library; it takes one structure, packed."""
    found = getattr(load(), name)
    found.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]
    found.restype = ctypes.c_int
    return found


def call(kernel: Any, arguments: Any, like: Tensor) -> None:
    """Call a kernel on arrays of the type of `like`, with as many threads as torch has.

    Raises:
        MemoryError: There is no room to work in.
    """
    if kernel(arguments, _TYPES[like.dtype], level(), torch.get_num_threads()):
        raise MemoryError("not enough memory for the C loops to work in")


def contiguous(tensor: Tensor | None) -> Tensor | None:
    """Return the tensor as the kernels read it; None stays None."""
    return None if tensor is None else tensor.contiguous()


#: struct rnnswap_steps of steps.h, with which every kernel's structure begins.
STEPS = (("q", "T B rows"), ("P", "first lengths"), ("i", "reverse packed"))


def steps(x: Tensor, lengths: Tensor | None, reverse: bool) -> tuple[Any, ...]:
    """Return the values of STEPS; the caller keeps `lengths`, of `lengths_for`, alive."""
    where = 0 if lengths is None else lengths.data_ptr()
    if x.dim() == 3:
        length, batch, _ = x.shape
        return length, batch, 0, 0, where, reverse, False
    if lengths is None:
        raise ValueError("packed input needs lengths")
    return int(lengths[0]), len(lengths), 0, 0, where, reverse, True


def rows(tensor: Tensor) -> tuple[Tensor, int, int]:
    """Return a tensor (T, B, features) with features together, and its strides over T and B.

    A packed tensor (N, features) has a stride over N in the latter's place.
    """
    *_, step, row, last = (0, *tensor.stride())
    if last != 1 and tensor.size(-1) != 1:
        tensor = tensor.contiguous()
        *_, step, row, last = (0, *tensor.stride())
    return tensor, step, row


def gradient_rows(grad: Tensor | None, outputs: Tensor) -> tuple[Tensor, int, int, bool]:
    """As `rows`, of the gradient of all steps' outputs; zeros where there is none.

    The last result is whether it is one number repeated, as that of a sum is: C makes a row of it.
    """
    if grad is None:
        grad = outputs.new_zeros(()).expand(outputs.shape)
    grad = plain_gradient(grad)
    if grad.numel() and not any(grad.stride()):
        return grad, 0, 0, True
    return *rows(grad), False


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


def running(
    grad: Tensor | None, needed: bool, like: Tensor, batch: int, width: int
) -> Tensor | None:
    """Return the gradient of a last state, to be overwritten by that of the first.

    None where that of the last is zero and that of the first is not asked for.
    """
    if grad is not None:
        return plain_gradient(grad).clone(memory_format=torch.contiguous_format)
    return like.new_zeros((batch, width)) if needed else None


def room_for_biases(like: Tensor, of_ih: bool, of_hh: bool) -> tuple[Tensor | None, Tensor | None]:
    """Return where the gradients of both biases go, as wide as `like`, where they are needed."""
    width = like.size(-1)
    return (
        like.new_empty(width) if of_ih else None,
        like.new_empty(width) if of_hh else None,
    )


def pointers(*tensors: Tensor | None) -> list[int]:
    """Return the addresses of the tensors' first elements, 0 for None; the caller keeps them alive.

    Raises:
        RuntimeError: A tensor's storage was freed, as FSDP does with what it does not need.
    """
    return [0 if t is None else t.data_ptr() or _no_address(t) for t in tensors]


def _no_address(tensor: Tensor) -> int:
    if tensor.numel():
        raise RuntimeError(
            f"the tensor of shape {tuple(tensor.shape)} has no memory: its storage was freed"
        )
    return 0


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
