"""`check_drop_in`: picks the checks that apply to a class, runs them and reports."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from torch import nn

from rnnswap.testing._asked import check_asked, title
from rnnswap.testing._checks import LAYER, QUICK
from rnnswap.testing._report import Report
from rnnswap.testing._running import run_checks
from rnnswap.testing._subject import Subject, registered

#: Modules that register checks when imported, in the order of the report.
_THEMES = (
    "_constructor",
    "_forward",
    "_packed",
    "_mistakes",
    "_types",
    "_modules",
    "_autograd",
    "_compiling",
    "_tooling",
    "_processes",
    "_single_step",
    "_single_step_tooling",
    "_subclassing",
)
for _theme in _THEMES:
    importlib.import_module(f"rnnswap.testing.{_theme}")


def check_drop_in(
    cls: type[nn.Module],
    *,
    level: str = QUICK,
    unsupported: Iterable[str] | None = None,
    **options: Any,
) -> Report:
    """Check whether a class can stand where torch.nn.LSTM (or nn.LSTMCell) stands.

    Checks are of two groups: "contract", all of which torch's own class passes, and "beyond", which
    it cannot. Whether `cls` is taken for a layer or for a single-step cell is read from its bases
    and its signature. Everything runs on the CPU in small sizes with a fixed seed; torch's random
    state and default dtype are restored. "full" forgets what torch.compile has compiled so far.

    Args:
        cls: The class, not an instance.
        level: "quick": about two seconds; "full": also torch.compile, torch.export, ONNX,
            TorchScript and processes: about a minute.
        unsupported: Names of nn.LSTM's arguments that the class does not honour: instead of what
            needs them it is checked that asking for them is one clear error. Among them may also
            be "chunked-state": chunks with the state carried over need not give what one call
            gives; "traced-length": a trace need not be right at another length; and
            "second-derivatives"; "rounding": an error above rounding is told and not failed.
            Default: what the class's record in the registry and its attribute `unsupported`
            declare.
        **options: Keyword-only extras of the class, handed to every construction.

    Returns:
        One result a check.

    Raises:
        OptionError: `level` is neither "quick" nor "full".
        TypeError: `cls` is not a torch.nn.Module class.

    Example:
        >>> report = check_drop_in(torch.nn.LSTM)
        >>> report.passed
        True
    """
    check_asked(cls, level)
    spec = registered(cls)
    if unsupported is None:
        unsupported = _declared(cls) | (spec.unsupported if spec else frozenset())
    subject = Subject(cls, options, frozenset(unsupported), spec)
    results = run_checks(subject.kind, subject, level)
    reference = "nn.LSTM" if subject.kind == LAYER else "nn.LSTMCell"
    return Report(title(cls, options), reference, level, results, subject.is_torchs)


def _declared(cls: type[nn.Module]) -> frozenset[str]:
    """Return the attribute `unsupported` of a class that has one, as RecurrentLayer's do."""
    found: Any = getattr(cls, "unsupported", ())
    return frozenset(found) if isinstance(found, frozenset | set) else frozenset()
