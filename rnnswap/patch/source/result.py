"""What a rewriting did, in plain terms that the check can verify without libcst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from rnnswap.spec import Finding

#: Start line (1-based), start column (0-based, in characters), end line, end column.
Span = tuple[int, int, int, int]


class Keywords(NamedTuple):
    """How the keywords of one call change: names dropped, and source of values appended."""

    drop: frozenset[str] = frozenset()
    add: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class Result:
    """A new text with everything that was changed in it.

    Args:
        text: The new text.
        findings: What is reported, in order.
        expressions: Span in the old text -> source of what stands there now.
        keywords: Span of a callee in the old text -> how the keywords of its call changed.
        removed: (line, column, bound name) of each name taken out of a from-import.
        written: Local names under which the new classes are reached.
        added: (module, name, local name) of each name imported in addition.
    """

    text: str
    findings: list[Finding] = field(default_factory=list)
    expressions: dict[Span, str] = field(default_factory=dict)
    keywords: dict[Span, Keywords] = field(default_factory=dict)
    removed: set[tuple[int, int, str]] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    added: list[tuple[str, str, str]] = field(default_factory=list)
