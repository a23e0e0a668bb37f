"""Norms and shares of gradients, without waiting for their device."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnnswap.errors import ClipError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


#: Up to so many elements copying a tensor costs less than the operations on it alone.
_SMALL = 2**14
#: So many are copied together: the copy stays small, and a norm over it precise.
_TOGETHER = 32


def gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    """Return the gradients that are there."""
    return [p.grad for p in parameters if p.grad is not None]


def total_norm(tensors: Sequence[Tensor]) -> Tensor:
    """Return the 2-norm of all tensors together; a sparse one counts by its values."""
    return torch.nn.utils.get_total_norm([_values(t) for t in tensors])


def share_of(changed: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    """Return counts of changed elements as a share of all elements of `gradients`."""
    device = changed[0].device
    count = torch.stack([c.to(device) for c in changed]).sum()
    share: Tensor = count / max(1, sum(g.numel() for g in gradients))
    return share


def parts(tensors: Iterable[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Return all elements in few tensors: the large ones as they are, flat copies of small ones.

    What is measured part by part costs a few operations for hundreds of small tensors.
    """
    large: list[Tensor] = []
    gathered = defaultdict(list)
    for tensor in tensors:
        # A subclass, such as DTensor, may not be laid end to end with others.
        if type(tensor) is Tensor and tensor.numel() <= _SMALL:
            gathered[tensor.device, tensor.dtype].append(tensor.reshape(-1))
        else:
            large.append(tensor)
    copies = [
        torch.cat(flat[start : start + _TOGETHER])
        for flat in gathered.values()
        for start in range(0, len(flat), _TOGETHER)
    ]
    return large, copies


def combined(norms: Sequence[Tensor]) -> Tensor:
    """Return the 2-norm of everything whose parts have these 2-norms."""
    device = norms[0].device
    norm: Tensor = torch.linalg.vector_norm(torch.stack([n.to(device) for n in norms]))
    return norm


def unchanged(like: Tensor) -> Tensor:
    """Return the share of elements changed when none was, beside `like`."""
    return torch.zeros((), device=like.device)


def refuse_unclampable(policy: str, gradient: Tensor) -> None:
    """Raise ClipError if the elements of `gradient` have no order or are not all stored."""
    refuse_sparse(policy, gradient)
    if gradient.is_complex():
        raise ClipError(
            f"clipping policy {policy} cannot bound the complex gradient of shape "
            f"{_shape(gradient)}: complex numbers have no order; use norm instead"
        )


def refuse_sparse(policy: str, gradient: Tensor) -> None:
    """Raise ClipError if torch's clipping functions cannot work on `gradient`."""
    if gradient.layout != torch.strided:
        raise ClipError(
            f"clipping policy {policy} cannot bound the sparse gradient of shape "
            f"{_shape(gradient)}; make it dense, for example nn.Embedding(..., sparse=False)"
        )


def _values(tensor: Tensor) -> Tensor:
    """Return the stored elements of a sparse tensor, a dense one as it is."""
    if tensor.layout == torch.sparse_coo:
        return tensor.coalesce().values()
    return tensor if tensor.layout == torch.strided else tensor.values()


def _shape(tensor: Tensor) -> str:
    return f"({', '.join(str(n) for n in tensor.shape)})"
