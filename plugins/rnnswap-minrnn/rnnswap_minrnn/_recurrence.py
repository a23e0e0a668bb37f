"""h_t = keep_t * h_{t-1} + add_t over all steps: a loop, or a scan in blocks.

Both compute with the values themselves, not with their logarithms, so states may have any sign, and
no product is ever divided by: with 0 <= keep <= 1 nothing overflows.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Least number of steps for which blocks are faster than the loop; see the README's table.
CPU_STEPS = 64
#: Most numbers in one step (B * H) for which they are, on the CPU: beyond, memory decides.
CPU_NUMBERS = 2048


def linear_recurrence(keep: Tensor, add: Tensor, first: Tensor) -> Tensor:
    """Return h_t = keep_t * h_{t-1} + add_t for all steps.

    Args:
        keep: (T, B, H), in [0, 1].
        add: (T, B, H).
        first: (B, H), the state before the first step.

    Returns:
        (T, B, H).
    """
    return (by_blocks if blocks_pay(keep) else by_loop)(keep, add, first)


def blocks_pay(keep: Tensor) -> bool:
    """Whether the scan in blocks is the faster one for a sequence of this shape and device."""
    steps = keep.size(0)
    if keep.device.type == "cpu":
        return steps >= CPU_STEPS and keep[0].numel() <= CPU_NUMBERS
    return steps >= 8  # each step of the loop is a launch of its own


def by_loop(keep: Tensor, add: Tensor, first: Tensor) -> Tensor:
    """Return `linear_recurrence`, one step after the other."""
    state, states = first, []
    for kept, added in zip(keep.unbind(0), add.unbind(0), strict=True):
        state = torch.addcmul(added, kept, state)
        states.append(state)
    return torch.stack(states)


def by_blocks(keep: Tensor, add: Tensor, first: Tensor) -> Tensor:
    """Return `linear_recurrence` in about 2 * sqrt(T) steps that follow on each other.

    The sequence is cut into blocks of equal length. Within a block, of all blocks at once, every
    step is written as a function of the state before the block; then the states between the blocks
    are computed one after the other.
    """
    steps = keep.size(0)
    length = max(1, round(steps**0.5))
    lacking = -steps % length
    if lacking:  # steps that keep the state
        keep = torch.cat((keep, keep.new_ones((lacking, *keep.shape[1:]))))
        add = torch.cat((add, add.new_zeros((lacking, *add.shape[1:]))))
    shape = (-1, length, *keep.shape[1:])
    factors, sums = _within(keep.reshape(shape), add.reshape(shape))
    state, starts = first, [first]
    for factor, own in zip(factors[:-1, -1].unbind(0), sums[:-1, -1].unbind(0), strict=True):
        state = torch.addcmul(own, factor, state)
        starts.append(state)
    states = torch.addcmul(sums, factors, torch.stack(starts).unsqueeze(1))
    return states.flatten(0, 1)[:steps]


def _within(keep: Tensor, add: Tensor) -> tuple[Tensor, Tensor]:
    """Return what h_t of each block (blocks, length, B, H) is of the state before it: f * h + s."""
    factor: Tensor | None = None
    factors, sums = [], []
    for kept, added in zip(keep.unbind(1), add.unbind(1), strict=True):
        if factor is None:
            factor, own = kept, added
        else:
            factor, own = kept * factor, torch.addcmul(added, kept, own)
        factors.append(factor)
        sums.append(own)
    return torch.stack(factors, 1), torch.stack(sums, 1)
