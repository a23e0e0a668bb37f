"""One run of a script under swap and clip, and its outcome."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rnnswap.clip import install, parse
from rnnswap.patch._runtime import patched
from rnnswap.training.record import Recorder, Summary
from rnnswap.training.run import run_script, working_folder
from rnnswap.training.spawned import SpawnedProcesses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rnnswap.clip import ClipPolicy
    from rnnswap.patch._runtime import PatchReport


@dataclass(frozen=True, slots=True)
class Swap:
    """What shall stand where the script constructs nn.LSTM.

    Args:
        cell: Name of an installed cell.
        attention: Name of an installed attention mechanism to put over it, or None.
        options: Keyword-only extras of the cell.
    """

    cell: str
    attention: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.cell if self.attention is None else f"{self.cell} with {self.attention}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a script: its exit code, what was swapped, what was recorded.

    `folder` is where the run was started, which the script may have left: places below it are
    shown relative to it. Empty, all are shown as they are. `spawned` counts the child processes
    that neither swap nor clipping reached.
    """

    script: str
    code: int
    policy: ClipPolicy
    summary: Summary
    swap: Swap | None = None
    report: PatchReport | None = None
    folder: str = ""
    spawned: int = 0

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
        if self.summary.steps == 0:
            reasons.append("nothing was trained: the script made no optimizer step")
        return reasons


def train_script(script: str, args: Sequence[str], *, clip: str, swap: Swap | None) -> Outcome:
    """Run `script` with `args`, clipping every optimizer's steps, its LSTMs replaced by `swap`.

    Args:
        script: Path of the script, which is not changed.
        args: Its arguments.
        clip: A clipping policy's text, such as `norm:1.0` or `none`.
        swap: What to construct in place of nn.LSTM; None leaves it.

    Raises:
        RnnswapError: The run could not start: what is asked for does not exist or cannot be read.
            What the script itself raises is shown and becomes the outcome's code.
    """
    policy, folder = parse(clip), working_folder()
    recorder, children = Recorder(), SpawnedProcesses()
    with contextlib.ExitStack() as stack:
        report = None if swap is None else stack.enter_context(_patched(swap))
        stack.enter_context(recorder)
        stack.enter_context(children)
        stack.enter_context(install(policy, callback=recorder.on_clip))
        code = run_script(script, args)
    summary = recorder.summary()
    return Outcome(script, code, policy, summary, swap, report, folder, children.count)


def _patched(swap: Swap) -> patched:
    return patched(swap.cell, attention=swap.attention, options=swap.options)
