"""Clamping and scaling rows in the C library: one way through the memory for all there is to do."""

from __future__ import annotations

import array
import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from rnnswap.ops import _native

_TYPES = (torch.float32, torch.float64)
_PLAIN = {Tensor, Parameter}


#: struct rnnswap_clamp of clamp.c and struct rnnswap_rows of rows.c.
_pack_clamp = _native.record(
    ("P", "data sizes"), ("q", "count"), ("d", "low high"), ("P", "evidence changed before after")
)
_pack_rows = _native.record(
    ("P", "data weights sizes rows"),
    ("q", "count"),
    ("d", "limit floor epsilon"),
    ("P", "before after changed"),
)


def clamp_(group: list[Tensor], low: float, high: float, *, measure: bool) -> Tensor | None:
    """Clamp tensors in place; between infinities nothing is written.

    Returns:
        None if the library cannot, and nothing is done: it knows plain tensors of one type. Else
        float64 (1, n): finite where the tensor was; if measured (4, n), then elements changed and
        sums of squares before and after.
    """
    kernel = _kernel("rnnswap_clamp")
    writes = low != -torch.inf or high != torch.inf
    # What is finite stays so whatever its sign.
    read = None if kernel is None else _read(group, may_negate=not (writes or measure))
    if read is None:
        return None
    data, sizes = read
    found = _results(4 if measure else 1, group)
    rows = _addresses_of_rows(found)
    more = rows[1:] if measure else [0] * 3
    arguments = _pack_clamp(
        data.buffer_info()[0], sizes.buffer_info()[0], len(group), low, high, rows[0], *more
    )
    _native.call(kernel, arguments, group[0])
    if writes:
        _written(group)
    return found


def scale_rows_(
    group: list[Tensor],
    weights: Sequence[Tensor] | None,
    limit: float,
    *,
    floor: float = 0.0,
    epsilon: float = 0.0,
) -> Tensor | None:
    """Scale each row of each tensor in place by min(1, bound / (its norm + `epsilon`)).

    Args:
        group: The tensors.
        weights: Of the same shapes: a row's bound is `limit` * max(norm of its weights, `floor`),
            and a vector is one row. None: each tensor is one row, the bound is `limit`.
        limit: See `weights`.
        floor: See `weights`.
        epsilon: Added to a norm that is divided by.

    Returns:
        None if the library cannot, and nothing is done. Else float64 (3, n): of each tensor the sum
        of squares before and after, and the elements changed.
    """
    kernel = _kernel("rnnswap_rows")
    read = None if kernel is None else _read(group)
    if read is None:
        return None
    data, sizes = read
    counts, of_weights = array.array("q", [1]) * len(group), None
    if weights is not None:
        of_them = _read(weights) if weights[0].dtype is group[0].dtype else None
        if of_them is None or of_them[1] != sizes:
            return None
        of_weights = of_them[0]
        counts = array.array("q", [t.shape[0] if t.dim() > 1 else 1 for t in group])
    found = _results(3, group)
    arguments = _pack_rows(
        data.buffer_info()[0],
        0 if of_weights is None else of_weights.buffer_info()[0],
        sizes.buffer_info()[0],
        counts.buffer_info()[0],
        len(group),
        limit,
        floor,
        epsilon,
        *_addresses_of_rows(found),
    )
    _native.call(kernel, arguments, group[0])
    _written(group)
    return found


def _read(
    group: Sequence[Tensor], *, may_negate: bool = False
) -> tuple[array.array[int], array.array[int]] | None:
    """Return where tensors are and how many elements each has.

    None if the library cannot read them: it reads plain ones of one type, on the CPU. Of hundreds
    of tensors each question takes its time, so none is asked that another one answers.

    Args:
        group: The tensors.
        may_negate: Take also a view whose elements are the negatives of what lies in memory.
    """
    first = group[0]
    if first.dtype not in _TYPES or not first.is_cpu or not _PLAIN.issuperset(map(type, group)):
        return None
    grouped: Any = torch._C._group_tensors_by_device_and_dtype
    if len(grouped([group], False)) > 1:
        return None
    if not may_negate and any(map(Tensor.is_neg, group)):
        return None
    try:
        if not all(map(Tensor.is_contiguous, group)):
            return None
        # Made of a list, an array takes two thirds of the time.
        data, sizes = [*map(Tensor.data_ptr, group)], [*map(Tensor.numel, group)]
        return array.array("Q", data), array.array("q", sizes)
    except RuntimeError:  # what is sparse has no order or no address
        return None


def _results(rows: int, group: Sequence[Tensor]) -> Tensor:
    """Return room for what the library finds in `group`, where it can write to."""
    return torch.empty((rows, len(group)), dtype=torch.float64, device="cpu")


def _addresses_of_rows(found: Tensor) -> list[int]:
    first, row = found.data_ptr(), 8 * found.shape[1]
    return [first + row * n for n in range(found.shape[0])]


def _written(group: Sequence[Tensor]) -> None:
    """Tell autograd, as torch's own functions do, for whoever needs what the tensors were."""
    torch.autograd.graph.increment_version(tuple(group))


@functools.cache
def _kernel(name: str) -> Any:
    """Return a function of the library; None without it."""
    return _native.function(name) if hasattr(_native.load(), name) else None
