"""What acts on steps besides the recurrence: dropped features, zoneout, two states' projection."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnswap.ops._scan import Step

State = tuple[Tensor, ...]


def features_dropped(x: Tensor, rate: float, training: bool) -> Tensor:
    """Drop the same features of x (T, B, features) at every step of a sequence."""
    return x * F.dropout(torch.ones_like(x[:1]), rate) if rate and training else x


def projected(step: Step, w_hr: Tensor) -> Step:
    """Return `step` with its first result multiplied by w_hr (P, H), as the next step reads it."""

    def run(now: Tensor, state: State) -> State:
        new = step(now, state)
        return (F.linear(new[0], w_hr), *new[1:])

    return run


def zoned_out(
    step: Step, gates_x: Tensor, carry: Tensor, rate: float, training: bool, both: bool
) -> tuple[Step, Tensor]:
    """Return a step whose units may keep their state, and the gates with what it needs beside them.

    Source: Krueger et al., arXiv:1606.01305.

    Args:
        step: The recurrence.
        gates_x: (T, B, G).
        carry: (B, H), shaped as what is kept.
        rate: Probability in (0, 1); in eval mode the expected share is kept.
        training: Whether units are drawn.
        both: Of two states the first keeps its units too; else it is a projection.
    """
    if not training:
        share: Tensor | float = rate
        if torch.compiler.is_dynamo_compiling():  # which may leave it open, as no loop can take it
            share = carry.new_full((), rate)
        return lambda now, state: _kept(step(now, state), state, share, both), gates_x
    masks = torch.rand_like(carry.expand(gates_x.size(0), *carry.shape)) < rate  # (T, B, H)
    sizes = [gates_x.size(-1), carry.size(-1)]

    def run(now: Tensor, state: State) -> State:
        gates, mask = torch.split(now, sizes, -1)
        return _kept(step(gates, state), state, mask.bool(), both)

    # Beside the gates, so that either way of running the steps hands out both.
    return run, torch.cat((gates_x, masks.to(gates_x.dtype)), -1)


def _kept(new: State, old: State, share: Tensor | float, both: bool) -> State:
    """Return the new state with those units of the old that the mask or the share says."""

    def keep(fresh: Tensor, held: Tensor) -> Tensor:
        if isinstance(share, Tensor) and share.dtype == torch.bool:
            return torch.where(share, held, fresh)
        return torch.lerp(fresh, held, share)

    output, new = new[: -len(old)], new[-len(old) :]
    if len(old) == 1:
        return (*output, keep(new[0], old[0]))
    c = keep(new[1], old[1])
    if new[0] is new[1]:  # a cell whose output is what it carries
        return (*output, c, c)
    # What was read as h is a projection, of another size: only the carry keeps its units.
    return (*output, keep(new[0], old[0]) if both else new[0], c)
