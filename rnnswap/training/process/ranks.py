"""Which of the processes that a launcher has started this one is. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Of torchrun, Open MPI, PMIx and PMI (mpirun, mpiexec, srun). The first that is set counts.
_OF_ALL = ("RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK")


def rank(environ: Mapping[str, str]) -> int | None:
    """Return the rank among all processes of a launch, None if the environment names none.

    Where only the ranks of the node and within the node are known, as with Lightning's `ddp`, it
    is 0 for the first process of the first node and above 0 for all others.
    """
    for name in _OF_ALL:
        if (found := _number(environ, name)) is not None:
            return found
    # A batch script is process 0 of a job of many, which it may be about to start.
    if (_number(environ, "SLURM_NTASKS") or 1) > 1:
        return _number(environ, "SLURM_PROCID")
    local, node = _number(environ, "LOCAL_RANK"), _number(environ, "NODE_RANK")
    if local is None:
        return None
    return local + (node or 0)


def is_first(environ: Mapping[str, str]) -> bool:
    """Return whether a process with this environment is the first of a launch, or the only one."""
    return not rank(environ)


def _number(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else None
