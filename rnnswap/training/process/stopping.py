"""Ends a script from within, whichever of its threads asks for it. Imports no torch."""

from __future__ import annotations

import _thread
import signal
import threading
from typing import Any

#: Wakes the main thread from what it waits for. Nothing else uses it, by itself it does nothing.
_SIGNAL = getattr(signal, "SIGURG", None)


class Stopped(SystemExit):
    """Ends the script after the number of steps that was asked for; its exit code is 0."""


class Stopping:
    """Raises `Stopped` in the thread that asks and in the main thread.

    A learner may be any thread, while the main one waits for it: an exception in the former alone
    would end nothing. Enter it in the main thread, before the script starts.

    Attributes:
        asked: Whether the script was ended.
        outlasted_by: Names of the threads that went on all the same.
    """

    def __init__(self) -> None:
        self.asked = False
        self.outlasted_by: list[str] = []
        self._before: Any = None
        self._handles = False

    def __enter__(self) -> Stopping:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and _SIGNAL is not None and signal.getsignal(_SIGNAL) is signal.SIG_DFL:
            self._before = signal.signal(_SIGNAL, self._raise)
            self._handles = True
        return self

    def __exit__(self, *exception: object) -> None:
        if self._handles and _SIGNAL is not None and signal.getsignal(_SIGNAL) == self._raise:
            signal.signal(_SIGNAL, self._before)
        self._handles = False

    def stop(self) -> None:
        """End the script.

        Raises:
            Stopped: Always.
        """
        self.asked = True
        main = threading.main_thread()
        if threading.current_thread() is not main:
            self._wake(main)
        raise Stopped(0)

    def _wake(self, main: threading.Thread) -> None:
        if self._handles and _SIGNAL is not None and main.ident is not None:
            signal.pthread_kill(main.ident, _SIGNAL)
        else:
            # KeyboardInterrupt, where the script or the system leaves no signal.
            _thread.interrupt_main()

    def _raise(self, *_: object) -> None:
        if self.asked:
            raise Stopped(0)
