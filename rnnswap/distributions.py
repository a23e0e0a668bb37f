"""Reads what is installed: entry points, distribution by distribution, broken ones included."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rnnswap.errors import in_one_line, printable
from rnnswap.registry import Provider

OWN = "rnnswap"
#: Seconds after which an import is said to be slow, while it lasts.
PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a distribution's metadata, before anything of it is imported."""

    provider: Provider
    reason: str
    #: Whether what the distribution provides is there all the same.
    harmless: bool = False


def entry_points(group: str) -> tuple[list[tuple[Provider, Any]], list[Problem]]:
    """Return the installed entry points of a group, and what could not be read, with reasons.

    importlib_metadata's own function of that name fails as a whole at the first file that cannot be
    parsed, and hides the second of two installations of one distribution.
    """
    import importlib_metadata

    found: list[tuple[Provider, Any]] = []
    problems: list[Problem] = []
    seen: dict[str, tuple[Provider, Any]] = {}
    for dist in importlib_metadata.distributions():
        try:
            if group not in (dist.read_text("entry_points.txt") or ""):
                continue
            entries = [entry for entry in dist.entry_points if entry.group == group]
        except Exception as error:  # metadata of strangers may hold anything
            where = Provider(*identity(dist), "?")
            reason = f"its entry_points.txt cannot be read: {in_one_line(error)}"
            problems.append(Problem(where, reason))
            continue
        for entry in entries:
            provider = Provider(*identity(dist), entry.name)
            first, place = seen.setdefault(provider.distribution, (provider, dist))
            if place is dist:
                found.append((provider, entry))
            elif first.version != provider.version and provider.distribution != OWN:
                reason = _twice(first, place, provider, dist)
                problems.append(Problem(first, reason, harmless=True))
    return found, problems


def given(entries: Iterable[Any]) -> list[tuple[Provider, Any]]:
    """Return entry points with their providers; of one found twice the first."""
    unique: dict[tuple[str, str], tuple[Provider, Any]] = {}
    for entry in entries:
        name, version = ("unknown", "?") if entry.dist is None else identity(entry.dist)
        provider = Provider(name, version, entry.name)
        unique.setdefault((provider.distribution, provider.entry), (provider, entry))
    return list(unique.values())


def in_order(pairs: Iterable[tuple[Provider, Any]]) -> list[tuple[Provider, Any]]:
    """Return ours first, then the others by name: the order in which names are given away."""
    return sorted(
        pairs, key=lambda pair: (pair[0].distribution != OWN, pair[0].distribution, pair[0].entry)
    )


def identity(dist: Any) -> tuple[str, str]:
    """Return a distribution's name and version; without metadata those of its folder's name."""
    try:
        name, version = dist.name, dist.version
    except Exception:  # metadata of strangers may lack anything
        name = version = None
    if not name or not version:
        folder = getattr(getattr(dist, "_path", None), "stem", "")
        stem, _, tail = folder.partition("-")
        name, version = name or stem or "unknown", version or tail or "?"
    return normalised(printable(str(name))), printable(str(version))


def normalised(name: str) -> str:
    """Return a distribution's name as names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


@contextlib.contextmanager
def watched(provider: Provider, notes: list[str]) -> Iterator[None]:
    """Say on stderr which plugin is being waited for; `notes` gets a sentence if it was long.

    A stranger's import cannot be interrupted safely, so this is all that can be done.
    """
    stream = sys.stderr  # a plugin may close or replace it

    def say() -> None:
        if stream is not None:
            stream.write(
                f"rnnswap: waiting for plugin {provider} (entry point {provider.entry!r}); "
                "--no-plugins or RNNSWAP_PLUGINS goes without it\n"
            )
            stream.flush()

    timer = threading.Timer(PATIENCE, say)
    timer.daemon = True
    start = time.monotonic()
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        seconds = time.monotonic() - start
        if seconds > PATIENCE:
            notes.append(f"took {seconds:.1f} s to load; whatever loads plugins waits for it")


def _twice(first: Provider, place: Any, other: Provider, elsewhere: Any) -> str:
    return (
        f"installed twice: {first.version} in {place.locate_file('')} is used, "
        f"{other.version} in {elsewhere.locate_file('')} is not"
    )
