"""Registering checks, and how a check says that it failed or does not apply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from rnnswap.testing._report import CONTRACT

_Run = TypeVar("_Run", bound=Callable[..., None])

QUICK = "quick"
FULL = "full"
LAYER = "layer"
CELL = "cell"
ATTENTION = "attention"
CLIP = "clip"


class CheckFailedError(Exception):
    """A check did not hold; the text says what was expected and what came."""


class CheckSkippedError(Exception):
    """A check cannot be made here; the text says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One named check of a class.

    Args:
        name: Lower case words with hyphens.
        summary: One line.
        group: "contract" or "beyond".
        level: "quick", or "full" if it takes long.
        kind: "layer" for what stands for nn.LSTM, "cell" for what stands for nn.LSTMCell,
            "attention" for mechanisms, "clip" for policies.
        needs: Arguments of nn.LSTM, or traits such as `CHUNKED_STATE`, without which the check has
            no meaning.
        run: Takes the kind's subject; raises if the check does not hold.
    """

    name: str
    summary: str
    group: str
    level: str
    kind: str
    needs: tuple[str, ...]
    run: Callable[[Any], None]


CHECKS: list[Check] = []


def check(
    *, group: str = CONTRACT, level: str = QUICK, kind: str = LAYER, needs: tuple[str, ...] = ()
) -> Callable[[_Run], _Run]:
    """Register the decorated function; its name and docstring are the check's."""

    def register(run: _Run) -> _Run:
        name = run.__name__.replace("_", "-").strip("-")
        summary = (run.__doc__ or "").splitlines()[0].rstrip(".") if run.__doc__ else ""
        CHECKS.append(Check(name, summary, group, level, kind, needs, run))
        return run

    return register
