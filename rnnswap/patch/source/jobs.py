"""Works on many files, in several processes where that pays; outcomes come in the files' order."""

from __future__ import annotations

import gc
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes
from rnnswap.patch.source.work import STDIN, Item, Outcome, Task, failed, work

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

#: Fewer files than this are done sooner than processes have started.
_FEW = 4
#: How many files a process may be ahead of the output: what they yield waits in memory.
_AHEAD = 4

_task: Task


def run(items: Iterable[Item | RewriteError], task: Task, jobs: int) -> Iterator[Outcome]:
    """Yield the outcome of each item, in their order.

    Args:
        items: Files to work on, and failures to pass on.
        task: What to do.
        jobs: How many processes may work at a time.
    """
    items = iter(items)
    while True:
        # Until a file needs libcst there is no work worth sharing; whoever is forked then has it.
        many = jobs > 1 and "libcst" in sys.modules
        ahead = list(islice(items, _FEW if many else 1))
        if len(ahead) == _FEW:
            yield from _in_parallel(chain(ahead, items), task, jobs)
            return
        for item in ahead:
            with _collector_paused():
                outcome = _here(item, task)
            yield outcome
        if not ahead:
            return


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Spare the collector the many objects of libcst's modules, while a file has it imported."""
    if "libcst" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _here(item: Item | RewriteError, task: Task) -> Outcome:
    return failed(item) if isinstance(item, RewriteError) else work(item, task)


class _Waiting(NamedTuple):
    """A file that some process works on."""

    item: Item
    future: Future[Outcome]
    pool: ProcessPoolExecutor


def _in_parallel(items: Iterable[Item | RewriteError], task: Task, jobs: int) -> Iterator[Outcome]:
    try:
        pools = _Pools(task, jobs)
    except (ImportError, NotImplementedError, OSError):
        # Some machines, such as a container without /dev/shm, have no processes to share with.
        yield from (_here(item, task) for item in items)
        return
    waiting: deque[_Waiting | Outcome] = deque()
    try:
        for item in items:
            if isinstance(item, RewriteError) or item.path == STDIN:
                waiting.append(_here(item, task))
            else:
                waiting.append(pools.submit(item))
            while len(waiting) > _AHEAD * jobs:
                yield pools.result(waiting.popleft())
        while waiting:
            yield pools.result(waiting.popleft())
    finally:
        pools.close()


class _Pools:
    """A pool of processes, and another one when a process of it dies."""

    def __init__(self, task: Task, jobs: int) -> None:
        self._task = task
        self._jobs = jobs
        self._pool = _new_pool(task, jobs)

    def submit(self, item: Item) -> _Waiting | Outcome:
        """Hand a file to a process; where none can be started, work on it here."""
        from concurrent.futures.process import BrokenProcessPool

        for _ in range(2):
            try:
                return _Waiting(item, self._pool.submit(_in_worker, item), self._pool)
            except BrokenProcessPool:
                self._replace(self._pool)
            except OSError:
                break
        return work(item, self._task)

    def result(self, waiting: _Waiting | Outcome) -> Outcome:
        """Wait for an outcome. Where a process died, the file is tried once more, alone."""
        if isinstance(waiting, Outcome):
            return waiting
        from concurrent.futures.process import BrokenProcessPool

        try:
            return waiting.future.result()
        except BrokenProcessPool:
            self._replace(waiting.pool)
            return _alone(waiting.item, self._task)

    def close(self) -> None:
        """End the processes; what they have not begun is not done."""
        self._pool.shutdown(cancel_futures=True)

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        if broken is self._pool:
            broken.shutdown()
            self._pool = _new_pool(self._task, self._jobs)


def _alone(item: Item, task: Task) -> Outcome:
    from concurrent.futures.process import BrokenProcessPool

    with _new_pool(task, 1) as pool:
        try:
            return pool.submit(_in_worker, item).result()
        except BrokenProcessPool:
            reason = "the process that worked on it was killed, perhaps for want of memory"
            return failed(RewriteError(reason, item.path, code=codes.DIED))


def _new_pool(task: Task, jobs: int) -> ProcessPoolExecutor:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Forked processes have what this one has imported, and no thread of ours runs here.
    method = "fork" if sys.platform == "linux" else "spawn"
    if method == "fork":
        import rnnswap.patch.source.transform  # noqa: F401  (for all of them at once)

        gc.freeze()
    return ProcessPoolExecutor(
        jobs, multiprocessing.get_context(method), initializer=_start, initargs=(task,)
    )


def _start(task: Task) -> None:
    global _task
    import signal
    import threading

    # Ctrl-C ends us at once and without a word; what is on disk is whole at any moment.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _task = task


def _die_with_parent() -> None:
    """End this process when the one that feeds it is killed: it would wait for ever."""
    import multiprocessing
    from multiprocessing.connection import wait

    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _in_worker(item: Item) -> Outcome:
    return work(item, _task)
