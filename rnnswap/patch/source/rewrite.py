"""Rewrites one text: quick look first, libcst only if the text names a class to be replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes
from rnnswap.patch.source.plan import LSTM, Plan, make_plan
from rnnswap.spec import Finding

# What the parser would lose at the start of a text: a byte order mark, form feeds.
_PREFIX = re.compile("\ufeff?\f*")
# libcst loses a last line ending that follows a backslash, as at the end of a comment.
_SUFFIX = re.compile(r"(?<=\\)\r?\n\Z")


def rewrite_source(
    text: str,
    cell: str = "janet",
    *,
    source: str = LSTM,
    attention: str | None = None,
    clip: str | None = None,
    options: Mapping[str, Any] | None = None,
    path: str = "<string>",
) -> tuple[str, list[Finding]]:
    r"""Return Python source with the uses of one recurrent cell rewritten into another.

    Formatting and comments outside the edits stay as they are. Rewriting the result again changes
    nothing.

    Args:
        text: The source of a module.
        cell: Name of the cell to write.
        source: Name of the cell to replace. With the cell "lstm", the default stands for every
            other cell: the way back.
        attention: Name of an attention mechanism to put over the cell.
        clip: Clipping policy to put into training loops, such as "norm:1.0". What torch has a
            function for is written with it, immediately before each optimizer's step; a hook, or a
            policy of another kind, goes after the optimizer's construction. Where gradients are
            clipped already, that is left.
        options: Keyword arguments of the cell, appended to constructor calls.
        path: Where the text is from, for messages.

    Returns:
        The new text, and what was rewritten, left or deserves a look, by line and column.

    Raises:
        UnknownNameError: No such cell, mechanism or policy is installed.
        ClipError: The policy is malformed or a bound is out of range.
        OptionError: The cell has no such option, or cell and source are the same.
        RewriteError: The text cannot be parsed, or the result would differ outside the edits.

    Example:
        >>> rewrite_source("from torch.nn import LSTM\nrnn = LSTM(8, 16)\n")[0]
        'from rnnswap import JANET\nrnn = JANET(8, 16)\n'
    """
    everything = cell == LSTM and source == LSTM
    plan = make_plan(cell, None if everything else source, attention, options, clip)
    return rewrite(text, plan, path)


def find(text: str, plan: Plan, path: str) -> list[Finding]:
    """Return what `rewrite` would report, and edit nothing.

    Raises:
        RewriteError: The text cannot be parsed.
    """
    return _applied(text, plan, path, edit=False)[1]


def rewrite(text: str, plan: Plan, path: str) -> tuple[str, list[Finding]]:
    """Return `text` rewritten by `plan`, and the findings; see `rewrite_source`."""
    return _applied(text, plan, path, edit=True)


def _applied(text: str, plan: Plan, path: str, *, edit: bool) -> tuple[str, list[Finding]]:
    prefix = _PREFIX.match(text)
    start = prefix.group() if prefix else ""
    suffix = _SUFFIX.search(text)
    end = suffix.group() if suffix else ""
    body = text[len(start) : len(text) - len(end)]
    findings: list[Finding] = []
    try:
        if plan.may_clip(body):
            body, findings = _clipped(body, plan, path, edit)
        elif plan.may_replace(body):
            body, findings = _replaced(body, plan, path, edit)
    except RecursionError as error:
        raise RewriteError(
            "is nested too deeply to be rewritten", path, code=codes.UNPARSABLE
        ) from error
    return start + body + end, findings


def _clipped(text: str, plan: Plan, path: str, edit: bool) -> tuple[str, list[Finding]]:
    """Put clipping into the loops of `text`, then replace; places are those of `text`."""
    from rnnswap.patch.source.clip.write import insert_clipping

    assert plan.clipping is not None
    clipped, findings = insert_clipping(text, plan.clipping, path, edit=edit)
    if not plan.may_replace(text):
        return clipped.text, findings
    replaced, others = _replaced(clipped.text, plan, path, edit)
    for found in others:
        place = clipped.place(found.line, found.column)
        findings.append(Finding(*place, found.code, found.message))
    return replaced, sorted(findings)


def _replaced(text: str, plan: Plan, path: str, edit: bool) -> tuple[str, list[Finding]]:
    from rnnswap.patch.source import check
    from rnnswap.patch.source.glance import may_use

    tree = check.parse(text, path)
    if not may_use(tree, plan):
        return text, []
    from rnnswap.patch.source.transform import transform

    result = transform(text, plan, path, edit=edit)
    if result.text != text:
        check.check_equivalent(tree, text, result, path)
    return result.text, result.findings
