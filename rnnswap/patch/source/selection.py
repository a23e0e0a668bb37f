"""Which codes are wanted: options name codes, or beginnings of codes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rnnswap.errors import OptionError
from rnnswap.patch.source.codes import MEANINGS

#: What codes of failures begin with.
FAILURES = "RSW9"
_DONE = "RSW1"


class Selection(NamedTuple):
    """Codes that are wanted.

    Args:
        codes: Those that are; failures always are, as they are never ignored.
    """

    codes: frozenset[str] = frozenset(MEANINGS)

    @property
    def leave(self) -> frozenset[str]:
        """Return the codes of edits that are not to be made."""
        return frozenset(c for c in MEANINGS if is_edit(c)) - self.codes


def select(selected: Iterable[str], ignored: Iterable[str]) -> Selection:
    """Return the codes that begin with one of `selected`, if it is not empty, less `ignored`.

    Raises:
        OptionError: No code begins with one of the texts, failures are to be ignored, or nothing
            is left.
    """
    ignored = list(ignored)
    for text in ignored:
        if text.upper().startswith(FAILURES):
            raise OptionError(f"{text!r} cannot be ignored: RSW9 codes are failures, not findings")
    selected = list(selected)
    wanted = expand(selected) or frozenset(MEANINGS)
    failures = {code for code in MEANINGS if code.startswith(FAILURES)}
    kept = wanted - expand(ignored)
    if selected and not kept:
        raise OptionError("--ignore leaves nothing of what --select names; drop one of the two")
    return Selection(kept | failures)


def is_edit(code: str) -> bool:
    """Return whether a code stands for an edit: made by `patch`, to be made for `scan`."""
    return code.startswith(_DONE)


def expand(texts: Iterable[str]) -> frozenset[str]:
    """Return every code that begins with one of `texts`; upper and lower case are the same.

    Raises:
        OptionError: No code begins with one of them.
    """
    found: set[str] = set()
    for text in texts:
        codes = {code for code in MEANINGS if text and code.startswith(text.upper())}
        if not codes:
            raise OptionError(f"no code begins with {text!r}; {_known(text)}")
        found |= codes
    return frozenset(found)


def _known(text: str) -> str:
    family = text.upper()[:4]
    near = [code for code in MEANINGS if code.startswith(family)]
    if near and len(family) == 4:
        return f"codes of {family} are {near[0]} to {near[-1]}"
    return "codes begin with RSW1 (rewritten), RSW2 (left), RSW3 (look here), RSW9 (failed)"
