"""Sets up swap, clipping and recording when a script imports torch; imports no torch before.

Until then the process is the script's own: what it sets for torch in its first lines, such as
OMP_NUM_THREADS or CUDA_VISIBLE_DEVICES, counts.
"""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING

from rnnswap.errors import RnnswapError
from rnnswap.training.process.on_import import when_imported
from rnnswap.training.process.stopping import Stopping

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

    from rnnswap.training.process.own_modules import OwnModules
    from rnnswap.training.session import Session
    from rnnswap.training.settings import Settings
    from rnnswap.training.steps import Step


class Refused(SystemExit):
    """Ends a script at its import of torch: what was asked for cannot be set up."""


class Setup:
    """Sets up a `Session` once torch is there; ends it when left.

    What is asked for and cannot be set up ends the script at its import of torch; where torch is
    there already, entering this raises it.

    Args:
        settings: What was asked for.
        own: Keeps modules that are imported for it out of the script's way.
        sink: Called with batches of recorded steps.

    Attributes:
        session: What is at work; None until the script has imported torch.
        refusal: Why nothing could be set up; None if it could, or was not tried.
        stopping: What may end the script from within.
    """

    def __init__(
        self,
        settings: Settings,
        own: OwnModules,
        sink: Callable[[list[Step]], object] | None = None,
    ) -> None:
        self.session: Session | None = None
        self.refusal: RnnswapError | None = None
        self.stopping = Stopping()
        self._settings, self._own, self._sink = settings, own, sink
        self._listeners: list[Callable[[Session], object]] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Setup:
        seed = self._settings.seed
        if self._settings.max_steps is not None:
            self._stack.enter_context(self.stopping)
        if seed is not None:
            random.seed(seed)
            self._stack.callback(when_imported("numpy.random", lambda module: module.seed(seed)))
        try:
            self._stack.callback(when_imported("torch", self._begin))
        except Refused:
            # torch was there before: nothing of the script has run.
            assert self.refusal is not None
            self._stack.close()
            raise self.refusal from None
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def when_begun(self, act: Callable[[Session], object]) -> None:
        """Call `act` with the session once there is one; at once if there is."""
        if self.session is not None:
            act(self.session)
        else:
            self._listeners.append(act)

    def _begin(self, _: types.ModuleType) -> None:
        try:
            with self._own.at_hand(shares=True):
                from rnnswap.training.session import Session

                session = Session(self._settings, self._sink, self.stopping)
                self._stack.enter_context(session)
                self.session = session
                for act in self._listeners:
                    act(session)
        except RnnswapError as error:
            self.refusal = error
            raise Refused(2) from error
