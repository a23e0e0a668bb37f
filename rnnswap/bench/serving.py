"""Which implementation of its recurrence serves a layer, and what speaks against faster ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

import rnnswap
from rnnswap.ops._dispatch import recorded_calls


@dataclass(frozen=True, slots=True)
class Serving:
    """What ran in one call of a layer.

    Args:
        name: Of the implementation, as in RNNSWAP_IMPL; or in words what ran instead of one.
        why: In words: the reasons against the faster ones; that there are none.
    """

    name: str
    why: str


def serving(layer: nn.Module, call: Callable[[], object]) -> Serving:
    """Run `call`, which calls `layer`, and return what served it."""
    with recorded_calls() as calls:
        call()
    if not calls:
        if isinstance(layer, rnnswap.RecurrentLayer):
            return Serving("step", "its step runs in a Python loop, it has no faster form for this")
        own = type(layer)
        return Serving("own", f"the forward of {own.__module__}.{own.__qualname__}")
    names = dict.fromkeys(c.implementation.name for c in calls)
    passed = dict.fromkeys(
        f"not {name}: {'; '.join(reasons)}" for c in calls for name, reasons in c.against.items()
    )
    order = ", ".join(i.name for i in calls[0].operation.implementations)
    return Serving(" and ".join(names), ". ".join(passed) or f"the fastest of {order}")
