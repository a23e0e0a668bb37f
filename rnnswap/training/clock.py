"""Where a loop's time goes: each moment counts for one thing alone."""

from __future__ import annotations

import threading
import time
from typing import Literal, TypeAlias

Activity: TypeAlias = Literal["backward", "optimizer"]


class Clock:
    """Adds up the time in backward passes and in optimizer steps.

    One may lie in the other: a closure's backward in a step, and a step in a backward, where an
    optimizer steps as soon as a gradient is there. A moment counts for what began last, whichever
    thread it began in, so that both together are never more than the time that has passed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: list[tuple[Activity, object]] = []
        self._since = time.perf_counter()
        self._spent: dict[Activity, float] = {"backward": 0.0, "optimizer": 0.0}

    def begin(self, activity: Activity) -> object:
        """Begin one; return what ends it."""
        token = object()
        with self._lock:
            self._count()
            self._under_way.append((activity, token))
        return token

    def end(self, token: object) -> None:
        """End one, and what was begun in it and has not ended."""
        with self._lock:
            self._count()
            begun = [other for _, other in self._under_way]
            if token in begun:
                del self._under_way[begun.index(token)]

    def spent(self) -> tuple[float, float]:
        """Return seconds in backward passes and in steps since this was asked before."""
        with self._lock:
            self._count()
            spent = self._spent["backward"], self._spent["optimizer"]
            self._spent = {"backward": 0.0, "optimizer": 0.0}
        return spent

    def _count(self) -> None:
        now = time.perf_counter()
        if self._under_way:
            self._spent[self._under_way[-1][0]] += now - self._since
        self._since = now
