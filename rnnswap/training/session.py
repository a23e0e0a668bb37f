"""Swap, clipping and recording at work in a process."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import torch

from rnnswap.clip import ClipHandle, install
from rnnswap.clip._follow import listen_to_all
from rnnswap.clip._parse import as_policy
from rnnswap.clip._turn import Turns
from rnnswap.patch._runtime import patched
from rnnswap.training.record import Recorder
from rnnswap.training.sampling import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from rnnswap.patch._runtime import PatchReport
    from rnnswap.training.process.stopping import Stopping
    from rnnswap.training.settings import Settings
    from rnnswap.training.steps import Step


class Session:
    """Swap, clipping and recording, at work in this process while it is entered.

    Args:
        settings: What was asked for.
        sink: Called with batches of recorded steps.
        stopping: What ends the script after so many steps.

    Attributes:
        policy: The clipping policy.
        recorder: What records the steps.
        handle: The clipping at work; None before.
        report: What was swapped; None without a swap.

    Raises:
        RnnswapError: What is asked for does not exist or is out of bounds.
    """

    def __init__(
        self,
        settings: Settings,
        sink: Callable[[list[Step]], object] | None = None,
        stopping: Stopping | None = None,
    ) -> None:
        swap = settings.swap
        self.policy = as_policy(settings.clip)
        # Only `norm` has another order than 2.
        p = getattr(self.policy, "p", 2.0)
        self.recorder = Recorder(sink, settings.max_steps, p, stopping)
        self.handle: ClipHandle | None = None
        self.report: PatchReport | None = None
        self._settings = settings
        self._patch: patched | None = None
        if swap is not None:
            self._patch = patched(
                swap.cell, attention=swap.attention, options=swap.options, as_lstm=swap.as_lstm
            )
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Session:
        with self._stack as stack:
            if self._settings.seed is not None:
                torch.manual_seed(self._settings.seed)
            if self._patch is not None:
                self.report = stack.enter_context(self._patch)
            stack.enter_context(self.recorder)
            self.handle = stack.enter_context(self._clipping())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _clipping(self) -> ClipHandle:
        """Let the policy act, or where there is none measure what it would have met."""
        callback, on_nonfinite = self.recorder.on_clip, self._settings.on_nonfinite
        if self.policy.acts_at != "never" or on_nonfinite != "warn":
            return install(self.policy, callback, on_nonfinite=on_nonfinite)
        handle = ClipHandle(self.policy, callback)
        handle.undo_with(listen_to_all(Sampler(Turns(handle))))
        return handle
