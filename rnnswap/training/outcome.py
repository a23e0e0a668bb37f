"""What became of a run, and its summary.json."""

from __future__ import annotations

import platform
import shlex
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

import rnnswap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnnswap.clip import ClipPolicy
    from rnnswap.patch._runtime import PatchReport
    from rnnswap.training.settings import Settings, Swap
    from rnnswap.training.steps import Summary


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a script: its exit code, what was swapped, what was recorded.

    `folder` is where the run was started, which the script may have left: places below it are
    shown relative to it. Empty, all are shown as they are. `children` tell what the script's child
    processes did; what they swapped is in `report`. `notes` are sentences for the reader, `page`
    is the report that was written.
    """

    script: str
    code: int
    policy: ClipPolicy
    summary: Summary
    swap: Swap | None = None
    report: PatchReport | None = None
    folder: str = ""
    children: Sequence[Summary] = ()
    notes: Sequence[str] = ()
    page: str = ""

    def without_effect(self) -> list[str]:
        """Say in sentences what was asked for and did not happen; empty if all did.

        Empty too if the script failed: what it would have done is not known.
        """
        if self.code:
            return []
        reasons = []
        if self.report is not None and not self.report.swapped:
            left = len(self.report.left)
            rest = f" but those {left} left as they are" if left else ""
            reasons.append(f"nothing was swapped: the script constructed no torch.nn.LSTM{rest}")
        if not self.summary.steps and not any(child.steps for child in self.children):
            reasons.append("nothing was trained: the script made no optimizer step")
        return reasons


def at_start(command: Sequence[str], settings: Settings) -> dict[str, Any]:
    """Return what summary.json says of a run that has begun."""
    return {
        "state": "running",
        "command": shlex.join(["rnnswap", *command]),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "cell": None if settings.swap is None else str(settings.swap),
        "clip": settings.clip,
        "seed": settings.seed,
        "max_steps": settings.max_steps,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "rnnswap": rnnswap.__version__,
        },
        "machine": {
            "platform": platform.platform(terse=True),
            "device": _device(),
        },
    }


def at_end(start: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    """Return what summary.json says of a run that has ended; `start` is what it said before."""
    report = outcome.report
    return start | {
        "state": "ended",
        "exit_code": outcome.code,
        # As the script left it.
        "machine": {**start["machine"], "threads": torch.get_num_threads()},
        "totals": asdict(outcome.summary),
        "children": [asdict(child) for child in outcome.children],
        "swapped": [] if report is None else [asdict(layer) for layer in report.swapped],
        "left": [] if report is None else [asdict(layer) for layer in report.left],
        "notes": [*outcome.notes, *outcome.without_effect()],
    }


def _device() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()} (CPU)"
