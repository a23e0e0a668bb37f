"""One run of a script under swap and clip, and its outcome."""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from rnnswap.clip import install, parse
from rnnswap.patch._runtime import patched
from rnnswap.training.record import Recorder
from rnnswap.training.run import run_module, run_script, working_folder
from rnnswap.training.spawned import SpawnedProcesses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rnnswap.clip import ClipPolicy
    from rnnswap.patch._runtime import PatchReport
    from rnnswap.training.settings import Settings, Swap
    from rnnswap.training.steps import Step, Summary


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
    notes: Sequence[str] = ()

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


class Session:
    """Swap, clipping and recording, at work in this process while it is entered.

    Args:
        settings: What was asked for.
        sink: Called with batches of recorded steps.

    Attributes:
        policy: The clipping policy.
        recorder: What records the steps.
        report: What was swapped; None without a swap.

    Raises:
        RnnswapError: What is asked for does not exist or is out of bounds.
    """

    def __init__(
        self, settings: Settings, sink: Callable[[list[Step]], object] | None = None
    ) -> None:
        swap = settings.swap
        self.policy = parse(settings.clip)
        self.recorder = Recorder(sink, settings.max_steps)
        self.report: PatchReport | None = None
        self._seed = settings.seed
        self._patch: patched | None = None
        if swap is not None:
            self._patch = patched(swap.cell, attention=swap.attention, options=swap.options)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Session:
        with self._stack as stack:
            if self._seed is not None:
                seed_all(self._seed)
            if self._patch is not None:
                self.report = stack.enter_context(self._patch)
            stack.enter_context(self.recorder)
            stack.enter_context(install(self.policy, callback=self.recorder.on_clip))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()


def train_script(
    script: str, args: Sequence[str], settings: Settings, *, module: bool = False
) -> Outcome:
    """Run `script` with `args`, clipping every optimizer's steps, its LSTMs replaced.

    Args:
        script: Path of the script, which is not changed.
        args: Its arguments.
        settings: The policy, what to construct in place of nn.LSTM, and so on.
        module: `script` is a module's name, run as `python -m` would.

    Raises:
        RnnswapError: The run could not start: what is asked for does not exist or cannot be read.
            What the script itself raises is shown and becomes the outcome's code.
    """
    folder = working_folder()
    session = Session(settings)
    with session, SpawnedProcesses() as children:
        code = (run_module if module else run_script)(script, args)
    return Outcome(
        f"-m {script}" if module else script,
        code,
        session.policy,
        session.recorder.summary(),
        settings.swap,
        session.report,
        folder,
        children.count,
        notes=_notes(session, settings),
    )


def _notes(session: Session, settings: Settings) -> list[str]:
    if not session.recorder.stopped:
        return []
    steps = f"{settings.max_steps:,} step{'' if settings.max_steps == 1 else 's'}"
    return [f"stopped after {steps}, as --max-steps asked"]


def seed_all(seed: int) -> None:
    """Set the seeds of Python's, NumPy's (if it is installed) and torch's generators."""
    random.seed(seed)
    torch.manual_seed(seed)
    with contextlib.suppress(ImportError):
        import numpy

        numpy.random.seed(seed)
