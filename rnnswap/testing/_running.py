"""Running one check by itself, and turning what happened into a result."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from rnnswap.errors import OptionError
from rnnswap.spec import CHUNKED_STATE, ROUNDING, SECOND_DERIVATIVES, TRACED_LENGTH
from rnnswap.testing._checks import (
    CHECKS,
    FULL,
    QUICK,
    Check,
    CheckFailedError,
    CheckSkippedError,
)
from rnnswap.testing._compare import describe, is_one_sentence, raised
from rnnswap.testing._report import (
    BEYOND,
    CANNOT,
    DECLARED,
    FAILED,
    PASSED,
    SKIPPED,
    CheckResult,
)
from rnnswap.testing._subject import ASKING, H, I, Subject

#: What a class may declare beside arguments of nn.LSTM, in words.
_TRAITS = {
    CHUNKED_STATE: "a call sees nothing of those before it but their state",
    TRACED_LENGTH: "torch.jit.trace writes the loop over steps out",
    SECOND_DERIVATIVES: "torch has none of an operation of the cell",
    ROUNDING: "its dynamics amplify rounding errors",
}


def run_checks(kind: str, subject: Any, level: str) -> tuple[CheckResult, ...]:
    """Run the checks of a kind; when the first, the plainest call, fails, nothing else tells more.

    Args:
        kind: As `Check.kind`.
        subject: What its checks take; its `unsupported` holds what it declares.
        level: "quick" or "full".
    """
    results = []
    for check in (c for c in CHECKS if c.kind == kind and (level == FULL or c.level == QUICK)):
        results.append(run_check(check, subject))
        if len(results) == 1 and results[0].status == FAILED:
            break
    return tuple(results)


def run_check(check: Check, subject: Any) -> CheckResult:
    """Run one check with a fixed seed and leave torch's global state as it was."""
    declared = sorted(subject.unsupported & set(check.needs))
    with _isolated():
        if declared == [ROUNDING]:
            status, detail = _amplified(check, subject)
        elif declared:
            status, detail = _declared(subject, declared)
        else:
            status, detail = _outcome(check, subject)
    return CheckResult(check.name, check.group, status, detail, check.summary)


def _outcome(check: Check, subject: Any) -> tuple[str, str]:
    bad = CANNOT if check.group == BEYOND else FAILED
    try:
        check.run(subject)
    except CheckSkippedError as reason:
        return SKIPPED, str(reason)
    except CheckFailedError as failure:
        return bad, str(failure)
    except Exception as error:  # whatever the class under test raises is its result
        return bad, describe(error)
    return PASSED, ""


def _amplified(check: Check, subject: Subject) -> tuple[str, str]:
    """Run a check of rounding; whether it holds depends on the processor too."""
    try:
        check.run(subject)
    except CheckFailedError as failure:
        return DECLARED, f"{ROUNDING}: {_TRAITS[ROUNDING]}: {failure}"
    except Exception as error:  # whatever the class under test raises is its result
        return FAILED, describe(error)
    return PASSED, ""


def _declared(subject: Subject, names: list[str]) -> tuple[str, str]:
    """Check that asking for what is declared as unsupported is one clear error."""
    arguments = [name for name in names if name not in _TRAITS]
    if not arguments:
        return DECLARED, "; ".join(f"{name}: {_TRAITS[name]}" for name in names)
    for argument in arguments:
        asked = dict(ASKING.get(argument, {}))
        asked = {k: v for k, v in asked.items() if k == argument or subject.can(k)}
        error = raised(partial(subject.construct, I, H, **asked))
        call = ", ".join(f"{key}={value!r}" for key, value in asked.items())
        clear = isinstance(error, NotImplementedError | OptionError) and is_one_sentence(error)
        if not clear:
            found = "no error" if error is None else describe(error)
            return FAILED, f"expected one sentence of UnsupportedError for {call}, got {found}"
    return DECLARED, f"{', '.join(arguments)}: refused at construction"


@contextlib.contextmanager
def _isolated() -> Iterator[None]:
    """Fix what a check depends on and put torch's global settings back."""
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    with (
        torch.random.fork_rng(devices=[]),
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        torch.device("cpu"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(1)  # for sizes as small as these more only cost time
        # torch.manual_seed would seed the accelerators' generators too.
        torch.default_generator.manual_seed(0)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_num_threads(threads)
