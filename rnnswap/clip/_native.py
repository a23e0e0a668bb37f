"""Clamping in the C library: bounds, looks and measures in one way through the memory."""

from __future__ import annotations

import array
import functools
import operator
from typing import Any

import torch
from torch import Tensor

from rnnswap.ops import _native

_KIND = operator.attrgetter("dtype", "is_cpu")
_TYPES = (torch.float32, torch.float64)


#: struct clamp of clamp.c.
_pack = _native.record(
    ("P", "data sizes"), ("q", "count"), ("d", "low high"), ("P", "evidence changed before after")
)


def clamp_(group: list[Tensor], low: float, high: float, *, measure: bool) -> Tensor | None:
    """Clamp tensors in place; between infinities nothing is written.

    Returns:
        None if the library cannot, and nothing is done: it knows plain tensors of one type. Else
        float64 (1, n): finite where the tensor was; if measured (4, n), then elements changed and
        sums of squares before and after.
    """
    kernel = _kernel()
    if kernel is None or not _suits(group):
        return None
    rows = torch.empty((4 if measure else 1, len(group)), dtype=torch.float64)
    data = array.array("Q", map(Tensor.data_ptr, group))
    sizes = array.array("q", map(Tensor.numel, group))
    first, row = rows.data_ptr(), 8 * len(group)
    more = [first + row * n for n in (1, 2, 3)] if measure else [0] * 3
    arguments = _pack(
        data.buffer_info()[0], sizes.buffer_info()[0], len(group), low, high, first, *more
    )
    _native.call(kernel, arguments, group[0])
    # As torch's own functions do, for whoever still needs what the gradients were.
    if low != -torch.inf or high != torch.inf:
        torch.autograd.graph.increment_version(tuple(group))
    return rows


def _suits(group: list[Tensor]) -> bool:
    first = group[0]
    return (
        first.dtype in _TYPES
        and set(map(type, group)) == {Tensor}
        and set(map(_KIND, group)) == {(first.dtype, True)}
        and all(map(Tensor.is_contiguous, group))
        and not any(map(Tensor.is_neg, group))
    )


@functools.cache
def _kernel() -> Any:
    """Return the library's function; None without it."""
    if not hasattr(_native.load(), "rnnswap_clamp"):
        return None
    return _native.function("rnnswap_clamp")
