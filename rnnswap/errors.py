"""Every exception of rnnswap.

RnnswapError
├── UnknownNameError      (LookupError)   no cell, attention or policy of that name
├── DuplicateNameError    (ValueError)    a name is already taken in a registry
├── PluginError           (RuntimeError)  a plugin failed to load or provides nonsense
├── OptionError           (ValueError)    an option a cell, attention or policy does not take
├── UnsupportedError      (NotImplementedError)  a cell cannot do what was asked of it
├── SwapError             (RuntimeError)  a live model or process could not be patched
├── RewriteError          (ValueError)    a source text could not be rewritten
├── KernelUnavailableError (RuntimeError) a forced implementation cannot run
├── ClipError             (ValueError)    a clipping policy is malformed or cannot act
├── ScriptError           (RuntimeError)  a training script could not be started
└── ReportError           (RuntimeError)  a run's report could not be made or read

NoEffectWarning (UserWarning)             an operation changed nothing
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: Characters of a stranger's message that are repeated.
_LONGEST = 300


class RnnswapError(Exception):
    """Base of every error raised by rnnswap."""


class UnknownNameError(RnnswapError, LookupError):
    """No cell, attention mechanism or clipping policy is registered under `name`."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        self.kind = kind
        self.name = name
        self.known = sorted(known)
        first, colon, second = name.partition(":")
        if kind == "clipping policy" and colon and first in self.known:
            # `distribution:name` by its form, and hardly meant so.
            choices = f"({first!r} is one, but {second!r} is no number)"
        else:
            choices = _choices(name, self.known)
        super().__init__(f"unknown {kind} {name!r} {choices}{hint}")


class DuplicateNameError(RnnswapError, ValueError):
    """A name is already taken; carries `kind`, `name`, the `owner`, and what is `reachable`."""

    def __init__(self, kind: str, name: str, owner: str, reachable: str | None = None) -> None:
        self.kind = kind
        self.name = name
        self.owner = owner
        self.reachable = reachable
        other = f"reachable as {reachable!r}" if reachable else "not reachable"
        super().__init__(f"{kind} {name!r} is already provided by {owner}; this one is {other}")


class PluginError(RnnswapError, RuntimeError):
    """A plugin failed to load or provides something that is not what it says."""


class OptionError(RnnswapError, ValueError):
    """An option is unknown to a cell, attention mechanism or policy, or has a bad value."""


class UnsupportedError(RnnswapError, NotImplementedError):
    """A cell declares that it cannot do what was asked of it."""


class SwapError(RnnswapError, RuntimeError):
    """A live model or the running process could not be patched; nothing was changed."""


class RewriteError(RnnswapError, ValueError):
    """A source text could not be rewritten.

    Carries `path`, `line` and `column` (1-based), `reason`, and a `code` such as "RSW901".
    """

    def __init__(
        self,
        reason: str,
        path: str,
        line: int | None = None,
        column: int = 1,
        *,
        code: str = "RSW901",
    ) -> None:
        self.reason = reason
        self.code = code
        self.path = path
        self.line = line
        self.column = column
        place = path if line is None else f"{path}:{line}:{column}"
        super().__init__(f"{place}: {reason}")


class KernelUnavailableError(RnnswapError, RuntimeError):
    """The implementation forced by RNNSWAP_IMPL cannot run; carries the `reasons`."""

    def __init__(self, operation: str, implementation: str, reasons: list[str]) -> None:
        self.operation = operation
        self.implementation = implementation
        self.reasons = reasons
        super().__init__(
            f"implementation {implementation!r} of {operation} cannot run here: "
            + "; ".join(reasons)
        )


class ClipError(RnnswapError, ValueError):
    """A clipping policy is malformed, or cannot act where it was asked to."""


class ScriptError(RnnswapError, RuntimeError):
    """A training script could not be read or started."""


class ReportError(RnnswapError, RuntimeError):
    """A run's report folder or page could not be made or read."""


class NoEffectWarning(UserWarning):
    """An operation changed nothing, although it was asked to change something."""


def _choices(name: str, known: list[str]) -> str:
    """All names if ten or fewer, else the three nearest; with a suggestion when one is near."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if not known:
        return "(none is registered)"
    if len(known) <= 10:
        listing = "registered: " + ", ".join(known)
    else:
        nearest = near or known[:3]
        listing = f"{len(known)} are registered, nearest: " + ", ".join(nearest)
    return f"({listing}); did you mean {near[0]!r}?" if near else f"({listing})"


def in_one_line(error: BaseException) -> str:
    """Return the type and the text of a stranger's exception for a report, in one line.

    Its text may be long, hold line breaks and control characters, or raise itself.
    """
    kind = type(error).__name__
    try:
        text = printable(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException:  # SystemExit, for one
        return kind
    if not text:
        return kind
    return f"{kind}: {text}" if len(text) <= _LONGEST else f"{kind}: {text[:_LONGEST]} ..."


def printable(text: str) -> str:
    """Return a stranger's text in one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
