"""Drops and appends keyword arguments of a call without disturbing its layout. Imports libcst."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import libcst as cst


def change_keywords(
    call: cst.Call, drop: Collection[str], add: Mapping[str, str]
) -> cst.Call | None:
    """Return `call` without the keywords in `drop` and with those of `add` at its end.

    Args:
        call: The call to change.
        drop: Names of keyword arguments to remove.
        add: Keyword to source text of the value.

    Returns:
        The new call, or None if dropping an argument would lose a comment.
    """
    arguments = list(call.args)
    for index in reversed(range(len(arguments))):
        keyword = arguments[index].keyword
        if keyword is not None and keyword.value in drop:
            if _holds_comment(arguments[index]):
                return None
            _drop(arguments, index)
    for name, value in add.items():
        _append(arguments, call.whitespace_before_args, name, value)
    return call.with_changes(args=arguments)


def _drop(arguments: list[cst.Arg], index: int) -> None:
    dropped = arguments.pop(index)
    if index < len(arguments) or not arguments:
        return
    # The new last one ends as the old last one did: with its trailing comma or without. A comment
    # that stood between the two stays.
    last = arguments[-1]
    between = last.comma.whitespace_after if isinstance(last.comma, cst.Comma) else None
    if isinstance(dropped.comma, cst.Comma):
        end = _merge(between, dropped.comma.whitespace_after)
        comma = dropped.comma.with_changes(whitespace_after=end)
        arguments[-1] = last.with_changes(comma=comma)
    else:
        end = _merge(between, dropped.whitespace_after_arg)
        arguments[-1] = last.with_changes(comma=dropped.comma, whitespace_after_arg=end)


def _merge(
    between: cst.BaseParenthesizableWhitespace | None, end: cst.BaseParenthesizableWhitespace
) -> cst.BaseParenthesizableWhitespace:
    """Return `end`, with the comments of `between` if it has any."""
    if not isinstance(between, cst.ParenthesizedWhitespace):
        return end
    comments = [between.first_line.comment, *(line.comment for line in between.empty_lines)]
    if not any(comments):
        return end
    if not isinstance(end, cst.ParenthesizedWhitespace):
        return between
    return between.with_changes(indent=end.indent, last_line=end.last_line)


def _append(
    arguments: list[cst.Arg], before: cst.BaseParenthesizableWhitespace, name: str, value: str
) -> None:
    new = cst.Arg(
        value=cst.parse_expression(value),
        keyword=cst.Name(name),
        equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
    )
    if arguments:
        last = arguments[-1]
        indent = _line_start(arguments, before)
        if isinstance(last.comma, cst.Comma):
            kept, end = _split(last.comma.whitespace_after, indent)
            comma = last.comma.with_changes(whitespace_after=kept)
            new = new.with_changes(comma=last.comma.with_changes(whitespace_after=end))
        else:
            kept, end = _split(last.whitespace_after_arg, indent)
            comma = cst.Comma(whitespace_after=kept)
            new = new.with_changes(whitespace_after_arg=end)
        arguments[-1] = last.with_changes(
            comma=comma, whitespace_after_arg=cst.SimpleWhitespace("")
        )
    arguments.append(new)


def _line_start(
    arguments: Sequence[cst.Arg], before: cst.BaseParenthesizableWhitespace
) -> cst.BaseParenthesizableWhitespace:
    """Return the white space with which an argument on a line of its own starts."""
    candidates = [
        a.comma.whitespace_after for a in arguments[:-1] if isinstance(a.comma, cst.Comma)
    ]
    for whitespace in (*reversed(candidates), before):
        if isinstance(whitespace, cst.ParenthesizedWhitespace):
            return whitespace
    return before


def _split(
    end: cst.BaseParenthesizableWhitespace, start: cst.BaseParenthesizableWhitespace
) -> tuple[cst.BaseParenthesizableWhitespace, cst.BaseParenthesizableWhitespace]:
    """Split what follows the last argument: what goes before the new one, and after it."""
    if not isinstance(end, cst.ParenthesizedWhitespace):
        return cst.SimpleWhitespace(" "), end
    last_line = end.last_line
    indent = end.indent
    if isinstance(start, cst.ParenthesizedWhitespace):
        last_line, indent = start.last_line, start.indent
    before = end.with_changes(last_line=last_line, indent=indent)
    after = cst.ParenthesizedWhitespace(
        first_line=end.first_line.with_changes(whitespace=cst.SimpleWhitespace(""), comment=None),
        indent=end.indent,
        last_line=end.last_line,
    )
    return before, after


def _holds_comment(argument: cst.Arg) -> bool:
    return "#" in cst.Module(body=[]).code_for_node(argument)
