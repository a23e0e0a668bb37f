"""A registry of records of one kind: a clash is recorded, a miss suggests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from rnnswap.errors import DuplicateNameError, OptionError, UnknownNameError
from rnnswap.spec import AttentionSpec, CellSpec, ClipSpec

SpecT = TypeVar("SpecT", CellSpec, AttentionSpec, ClipSpec)


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a record comes from: the distribution, its version and its entry point."""

    distribution: str
    version: str
    entry: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, slots=True)
class Entry(Generic[SpecT]):
    """A registered record. `name` is `distribution:name` if the plain name was taken."""

    name: str
    spec: SpecT
    provider: Provider


class Registry(Generic[SpecT]):
    """Records of one kind by name.

    Args:
        kind: What the records are, in words, for messages: "cell", "attention", "clip policy".
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry[SpecT]] = {}
        #: Added to the message of a miss, such as which plugins failed to load.
        self.hint = ""

    def add(self, spec: SpecT, provider: Provider) -> None:
        """Register `spec`.

        The first to come keeps a name; a later one stays reachable as `distribution:name`.

        Raises:
            DuplicateNameError: The name was taken, `reachable` says how this one is reached.
        """
        owner = self._entries.get(spec.name)
        if owner is None:
            self._entries[spec.name] = Entry(spec.name, spec, provider)
            return
        qualified = f"{provider.distribution}:{spec.name}"
        taken = self._qualified(qualified) is not None or qualified in self._entries
        if not taken:
            self._entries[qualified] = Entry(qualified, spec, provider)
        reachable = None if taken else qualified
        raise DuplicateNameError(self.kind, spec.name, str(owner.provider), reachable)

    def get(self, name: str) -> Entry[SpecT]:
        """Return the entry called `name`, or `distribution:name`.

        Raises:
            UnknownNameError: There is none; the message lists what there is.
            OptionError: `name` is not a string.
        """
        if not isinstance(name, str):
            raise OptionError(f"a {self.kind} is named by a string, got {name!r}")
        entry = self._entries.get(name)
        if entry is None:
            entry = self._qualified(name)
        if entry is None:
            raise UnknownNameError(self.kind, name, self._entries, self.hint)
        return entry

    def names(self) -> list[str]:
        """Return the registered names, sorted."""
        return sorted(self._entries)

    def __iter__(self) -> Iterator[Entry[SpecT]]:
        return (self._entries[name] for name in self.names())

    def __contains__(self, name: str) -> bool:
        return name in self._entries or self._qualified(name) is not None

    def _qualified(self, name: str) -> Entry[SpecT] | None:
        """Find `distribution:name` for a record that holds its plain name."""
        distribution, colon, plain = name.partition(":")
        entry = self._entries.get(plain) if colon else None
        return entry if entry and entry.provider.distribution == distribution else None
