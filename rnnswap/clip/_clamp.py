"""Clamping all elements of all gradients: what `value`, `range` and `hook` share.

Bounding from both sides, looking for what is not finite and measuring cost one way through the
memory together: the C library does it, where it was built and the gradients are plain ones on the
CPU; else torch's functions work on runs that fit into a processor's cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnnswap.clip import _gradients, _native
from rnnswap.clip._gradients import Gradients, gradients, refuse_complex, total_of
from rnnswap.clip._policy import ClipResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

#: Elements that are worked on in a run.
_RUN = 2**16


def clamp_(parameters: Sequence[Tensor], low: float, high: float, policy: str) -> Tensor:
    """Clamp all gradients in place.

    Returns:
        A tensor that is finite where the gradients were: one number for each, or one for all.

    Raises:
        ClipError: A gradient is sparse or complex.
    """
    found = gradients(parameters)
    rows = _in_c(found, low, high, measure=False)
    if rows is not None:
        return rows[0]
    return _by_torch(Gradients(found, policy), lambda run: _clamp_run_(run, low, high))


def look(parameters: Sequence[Tensor], policy: str) -> Tensor:
    """Return what `clamp_` does, and leave the gradients as they are."""
    found = gradients(parameters)
    rows = _in_c(found, -torch.inf, torch.inf, measure=False)
    return _by_torch(Gradients(found, policy), _leave) if rows is None else rows[0]


def clamp_measured_(
    parameters: Sequence[Tensor], low: float, high: float, policy: str
) -> ClipResult:
    """Clamp all gradients in place and say what was done.

    Raises:
        ClipError: A gradient is sparse or complex.
    """
    found = gradients(parameters)
    elements = max(1, sum(g.numel() for g in found))
    rows = _in_c(found, low, high, measure=True)
    if rows is not None:
        norms = rows[2].sqrt().to(found[0].dtype)
        total, after = rows[2:].sum(dim=1).sqrt().to(norms.dtype)
        return ClipResult(total, after, rows[1].sum().float() / elements, norms)
    grads = Gradients(found, policy)
    _refuse_complex(grads)
    norms = grads.norms(exact=True)
    counts: list[Tensor] = []
    runs = [([g], [n]) for n, g in enumerate(grads.local)] if grads.is_spread else _runs(grads)
    for run, _ in runs:
        flat = torch.cat([t.reshape(-1) for t in run])
        counts.append(torch.count_nonzero((flat < low) | (flat > high)).to(grads.device))
        _clamp_run_(run, low, high)
    after = total_of(grads.norms(exact=True))
    # What all processes have changed of a spread gradient is the 1-norm of what each has.
    count = grads.agreed(torch.stack(counts).float(), 1.0).sum()
    return ClipResult(total_of(norms), after, count / elements, norms)


def _refuse_complex(grads: Gradients) -> None:
    for group, _ in grads.groups:
        refuse_complex(grads.policy, group[:1])


def _leave(run: list[Tensor]) -> None:
    """Do nothing to a run."""


def _in_c(grads: list[Tensor], low: float, high: float, *, measure: bool) -> Tensor | None:
    """Clamp in the C library; None if it cannot, and nothing is done."""
    if not _gradients.can_be_asked(grads[0]):
        return None
    return _native.clamp_(grads, low, high, measure=measure)


def _by_torch(grads: Gradients, work: Callable[[list[Tensor]], None]) -> Tensor:
    """Do `work` on all gradients; return where they were finite before it."""
    _refuse_complex(grads)
    if grads.is_spread or not _gradients.can_be_asked(grads.local[0]):
        norms = grads.norms(exact=True)
        for group, _ in grads.groups:
            work(group)
        return norms
    bad: list[int] = []
    for run, positions in _runs(grads):
        if not _all_finite(run):
            bad += [n for g, n in zip(run, positions, strict=True) if not _all_finite([g])]
        work(run)
    # Beside the gradients, not on the default device.
    evidence = torch.zeros(
        len(grads.local) if bad else (), dtype=torch.float32, device=grads.device
    )
    for n in bad:
        evidence[n] = torch.inf
    return evidence


def _runs(grads: Gradients) -> Iterator[tuple[list[Tensor], list[int]]]:
    """Yield gradients of one device and type that have few elements together, and positions."""
    for group, positions in grads.groups:
        start = elements = 0
        for end, tensor in enumerate(group):
            size = tensor.numel()
            if elements + size > _RUN and end > start:
                yield group[start:end], positions[start:end]
                start, elements = end, 0
            elements += size
        yield group[start:], positions[start:]


def _clamp_run_(run: list[Tensor], low: float, high: float) -> None:
    torch._foreach_clamp_min_(run, low)
    torch._foreach_clamp_max_(run, high)


def _all_finite(run: list[Tensor]) -> bool:
    """Whether all elements are finite; asks tensors on the CPU, where asking is no waiting."""
    # What GradScaler looks with; it knows only float32, and multiplies by one as it goes.
    found = torch.zeros((), dtype=torch.float32, device=run[0].device)
    one = torch.ones_like(found)
    torch._amp_foreach_non_finite_check_and_unscale_(run, found, one)
    return not found.item()
