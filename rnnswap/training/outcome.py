"""What became of a run, and its summary.json. Imports no torch."""

from __future__ import annotations

import importlib.metadata
import platform
import shlex
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import rnnswap
from rnnswap import policy_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnnswap.patch._runtime import Construction, LeftAlone
    from rnnswap.training.settings import Settings, Swap
    from rnnswap.training.steps import Summary

#: What a shell reports of a process that Ctrl-C ended.
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a script: its exit code, what was swapped, what was recorded.

    `policy` is the clipping policy's text. `interrupted`: Ctrl-C ended the script, of whose signal
    python would die; the code is the one by which a shell calls that. `abandoned`: threads of the
    script did not end with it, so that the process cannot end as others do. `bounds_total`: the
    policy bounds the norm of all gradients of an optimizer together.

    `folder` is where the run was started, which the script may have left: places below it are
    shown relative to it. Empty, all are shown as they are. `children` tell what the script's child
    processes did; what they swapped is in `swapped`. `notes` are sentences for the reader, `page`
    is the report that was written.
    """

    script: str
    code: int
    policy: str
    summary: Summary
    swap: Swap | None = None
    swapped: Sequence[Construction] = ()
    left: Sequence[LeftAlone] = ()
    folder: str = ""
    children: Sequence[Summary] = ()
    notes: Sequence[str] = ()
    page: str = ""
    interrupted: bool = False
    abandoned: bool = False
    bounds_total: bool = False

    @property
    def clips(self) -> bool:
        """Whether a clipping policy was asked for."""
        first, rules = policy_text.parse_rules(self.policy)
        return any(part.name != "none" for part in (first, *(rule.policy for rule in rules)))

    def without_effect(self) -> list[str]:
        """Say in sentences what was asked for and did not happen; empty if all did.

        Empty too if the script failed: what it would have done is not known.
        """
        if self.code:
            return []
        reasons = []
        if self.swap is not None and not self.swapped:
            left = len(self.left)
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
            "torch": _torch_version(),
            "rnnswap": rnnswap.__version__,
        },
        # The device is known once the script has used one.
        "machine": {"platform": platform.platform(terse=True), "device": None},
    }


def at_end(start: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    """Return what summary.json says of a run that has ended; `start` is what it said before."""
    return start | {
        "state": "ended",
        "exit_code": outcome.code,
        # As the script left it.
        "machine": {**start["machine"], "device": _device(), "threads": _threads()},
        "totals": asdict(outcome.summary),
        "children": [asdict(child) for child in outcome.children],
        "swapped": [asdict(layer) for layer in outcome.swapped],
        "left": [asdict(layer) for layer in outcome.left],
        "notes": [*outcome.notes, *outcome.without_effect()],
    }


def _torch_version() -> str | None:
    try:
        return importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return None


def _threads() -> int | None:
    torch = sys.modules.get("torch")
    return None if torch is None else torch.get_num_threads()


def _device() -> str:
    torch = sys.modules.get("torch")
    # Where the script used no GPU, asking for one would make this process take its memory.
    if torch is not None and torch.cuda.is_initialized():
        name: str = torch.cuda.get_device_name()
        return name
    return f"{platform.machine()} (CPU)"
