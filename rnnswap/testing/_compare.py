"""Comparisons that fail with one sentence, numbers included."""

from __future__ import annotations

import contextlib
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from rnnswap.testing._checks import CheckFailedError

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")  # some of torch's messages come in colour

#: What a comparison of two results allows, in units of the last place of the largest value.
DEFAULT_EPS = 64


def require(holds: bool, sentence: str) -> None:
    """Fail with `sentence` unless it holds."""
    if not holds:
        raise CheckFailedError(sentence)


def require_equal(found: Any, expected: Any, what: str) -> None:
    """Fail unless both are equal."""
    require(found == expected, f"expected {what} {expected!r}, got {found!r}")


def require_none(found: Sequence[str], what: str) -> None:
    """Fail unless a list of names is empty."""
    require(not found, f"expected no {what}, got {', '.join(found)}")


def relative_error(actual: Tensor, truth: Tensor) -> float:
    """Return max|a - b| / max|b| in float64; 0 for two empty or two zero tensors."""
    actual, truth = actual.detach().double(), truth.detach().double()
    difference = (actual - truth).abs()
    if difference.numel() == 0 or difference.max() == 0:
        return 0.0
    return float(difference.max() / truth.abs().max().clamp_min(1e-300))


def require_same(actual: Tensor, truth: Tensor, what: str, *, eps: float = DEFAULT_EPS) -> None:
    """Fail unless shapes are equal and values differ by rounding only.

    The error is max|a - b| / max|b|; `eps` units in the last place of actual's dtype are allowed.
    """
    require(
        actual.shape == truth.shape,
        f"expected {what} of shape {tuple(truth.shape)}, got {tuple(actual.shape)}",
    )
    error, allowed = relative_error(actual, truth), eps * torch.finfo(actual.dtype).eps
    require(
        error <= allowed,
        f"{what} differs by {error:.2g} of its largest value, at most {allowed:.2g} is rounding",
    )


def require_all_same(
    actual: Sequence[Tensor],
    truth: Sequence[Tensor],
    where: str,
    *,
    names: Sequence[str] = ("output", "h_n", "c_n"),
    eps: float = DEFAULT_EPS,
) -> None:
    """`require_same` for each of several tensors; the message says which."""
    for name, a, b in zip(names, actual, truth, strict=True):
        require_same(a, b, f"{name} {where}", eps=eps)


def require_same_error(
    call: Callable[[], Any],
    references: Sequence[Callable[[], Any]],
    what: str,
    or_else: tuple[type[Exception], ...] = (),
) -> None:
    """Fail unless `call` raises what a call of `references` (on torch's class) raises.

    A derived type will do, and so will the types in `or_else`.
    """
    expected = tuple(type(e) for e in map(raised, references) if e is not None)
    if not expected:
        return  # torch's class accepts it on this version
    kinds = tuple(dict.fromkeys((*expected, *or_else)))
    names = " or ".join(kind.__name__ for kind in kinds)
    found = raised(call)
    require(found is not None, f"expected {names} for {what}, got no error")
    require(isinstance(found, kinds), f"expected {names} for {what}, got {describe(found)}")


def raised(call: Callable[[], Any]) -> Exception | None:
    """Return the exception that the call raises, or None."""
    try:
        call()
    except Exception as error:  # whatever it is, its type is the result
        return error
    return None


@contextlib.contextmanager
def nan_in_new_memory() -> Iterator[None]:
    """Let torch fill memory that nobody has written yet with NaN."""
    settings: Any = torch.utils.deterministic
    fill = settings.fill_uninitialized_memory
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    settings.fill_uninitialized_memory = True
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)
        settings.fill_uninitialized_memory = fill


def require_written(module: Any, when: str) -> None:
    """Require that no parameter and no buffer of a module holds NaN or infinity."""
    tensors = (*module.named_parameters(), *module.named_buffers())
    unwritten = [name for name, tensor in tensors if not tensor.isfinite().all()]
    require_none(unwritten, f"parameters that are not finite {when}")


def backward(tensor: Tensor) -> None:
    """Differentiate the sum of a tensor."""
    torch.autograd.backward(tensor.sum())


def gradient(leaf: Tensor) -> Tensor:
    """Return the gradient of a leaf, zeros if it has none: only one check asks for its presence."""
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def describe(error: BaseException | None) -> str:
    """Return the type and the first line of an exception, shortened."""
    lines = _ESCAPES.sub("", str(error)).strip().splitlines()
    text = textwrap.shorten(lines[0], 160, placeholder=" ...") if lines else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def is_one_sentence(error: BaseException) -> bool:
    """True if the message is one line that a person can read."""
    text = str(error).strip()
    return bool(text) and "\n" not in text and len(text) <= 300
