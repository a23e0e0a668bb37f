"""`check_drop_in`: picks the checks that apply to a class, runs them and reports."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn

from rnnswap.errors import OptionError
from rnnswap.testing._checks import CHECKS, FULL, LAYER, QUICK, Check
from rnnswap.testing._report import FAILED, CheckResult, Report
from rnnswap.testing._running import run_check
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
    "_tooling",
    "_processes",
    "_single_step",
    "_single_step_tooling",
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
    if level not in (QUICK, FULL):
        raise OptionError(f"level must be quick or full, got {level!r}")
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise TypeError(f"cls must be a torch.nn.Module class, got {cls!r}")
    spec = registered(cls)
    if unsupported is None:
        unsupported = _declared(cls) | (spec.unsupported if spec else frozenset())
    subject = Subject(cls, options, frozenset(unsupported), spec)
    checks = [c for c in CHECKS if c.kind == subject.kind and (level == FULL or c.level == QUICK)]
    results = tuple(_results(subject, checks))
    reference = "nn.LSTM" if subject.kind == LAYER else "nn.LSTMCell"
    return Report(_title(subject), reference, level, results, subject.is_torchs)


def _results(subject: Subject, checks: list[Check]) -> Iterator[CheckResult]:
    """Run the checks; when the first, the plainest call, fails, nothing else tells more."""
    for check in checks:
        result = run_check(check, subject)
        yield result
        if check is checks[0] and result.status == FAILED:
            return


def _declared(cls: type[nn.Module]) -> frozenset[str]:
    """Return the attribute `unsupported` of a class that has one, as RecurrentLayer's do."""
    found: Any = getattr(cls, "unsupported", ())
    return frozenset(found) if isinstance(found, frozenset | set) else frozenset()


def _title(subject: Subject) -> str:
    options = ", ".join(f"{key}={value!r}" for key, value in subject.options.items())
    name = f"{subject.cls.__module__}.{subject.cls.__qualname__}"
    return f"{name}({options})" if options else name
