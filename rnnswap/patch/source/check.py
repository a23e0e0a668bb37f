"""Guards a file: the new text must equal the old one outside the edits. Uses ast, not libcst.

The edits are made a second time, on the standard library's tree of the old text; the outcome must
be the tree of the new text, and no comment may have changed.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import warnings
from collections.abc import Iterable
from typing import NoReturn

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes
from rnnswap.patch.source.bound import first_unbound, has_late_future
from rnnswap.patch.source.result import Keywords, Result, Span

_Alias = tuple[str, str, str]
# A file may be right for a newer one.
_PYTHON = f"Python {sys.version_info.major}.{sys.version_info.minor}"


def parse(text: str, path: str) -> ast.Module:
    """Return the tree of `text`.

    Raises:
        RewriteError: It is not Python that this interpreter can parse; says where.
    """
    try:
        with warnings.catch_warnings():
            # A doubtful escape in the user's strings is not ours to warn about.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise _unparsable(error, text, path) from error
    except (RecursionError, MemoryError) as error:
        reason = "an expression is longer or nested deeper than Python's own limit"
        raise RewriteError(
            f"cannot be parsed as {_PYTHON}: {reason}", path, code=codes.UNPARSABLE
        ) from error


def _unparsable(error: SyntaxError | ValueError, text: str, path: str) -> RewriteError:
    # A null byte or, in a notebook, half of a surrogate pair: Python does not say where.
    bad = re.search("[\0\ud800-\udfff]", text)
    line: int | None = None
    column = 1
    if bad is not None:
        reason = f"the character {bad.group()!a} stands in it"
        line, column = place_of(text, bad.start())
    elif isinstance(error, SyntaxError):
        reason = _in_words(error.msg)
        line, column = error.lineno, error.offset or 1
    else:
        reason = str(error)
    reason = f"cannot be parsed as {_PYTHON}: {reason}"
    return RewriteError(reason, path, line, column, code=codes.UNPARSABLE)


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, both 1-based, of a character of `text`."""
    lines = re.split(r"\r\n|\r|\n", text[:offset])
    return len(lines), len(lines[-1]) + 1


def _in_words(message: str) -> str:
    digits = re.match(r"Exceeds the limit \((\d+) digits\)", message)
    if digits is None:
        return message
    return f"a number is longer than Python's own limit of {digits.group(1)} digits"


def check_equivalent(old_tree: ast.Module, old: str, result: Result, path: str) -> None:
    """Check that `result.text` is `old` with nothing but the stated edits.

    Args:
        old_tree: The tree of `old`; it is changed.
        old: The text before.
        result: The text after, with what was changed.
        path: Where the text is from, for messages.

    Raises:
        RewriteError: Something else differs too, or the new text does not parse.
    """
    new_tree = parse_result(result.text, path)
    check_order(new_tree, result.written, path)
    redo = _Redo(old, result)
    expected = redo.visit(old_tree)
    if redo.pending():
        refuse(path, "an edit is not where it was meant to be")
    added = set(result.added)
    before, after = _take_out(expected, added), _take_out(new_tree, added)
    if ast.dump(expected) != ast.dump(new_tree):
        refuse(path, "the result would differ outside the edits")
    if after != before + len(added):
        refuse(path, "an import would not be added exactly once")
    check_comments(old, result.text, path)


def parse_result(text: str, path: str) -> ast.Module:
    """Return the tree of a new text.

    Raises:
        RewriteError: It does not parse.
    """
    try:
        return parse(text, path)
    except RewriteError as error:
        refuse(path, f"the result would not parse ({error.reason})", error)


def check_comments(old: str, new: str, path: str) -> None:
    """Check that two texts that parse have the same comments.

    Raises:
        RewriteError: They do not.
    """
    if _after_hashes(old) == _after_hashes(new):
        return
    try:
        same = _comments(old) == _comments(new)
    except (tokenize.TokenError, SyntaxError) as error:
        refuse(path, "its comments cannot be compared", error)
    if not same:
        refuse(path, "a comment would change")


def check_order(tree: ast.Module, names: Iterable[str], path: str) -> None:
    """Check that each of `names` is imported before it is read, and __future__ comes first.

    Raises:
        RewriteError: An import stands too late, or before one from __future__.
    """
    if has_late_future(tree):
        refuse(path, "an import would stand before one from __future__")
    unbound = first_unbound(tree, sorted(names))
    if unbound is not None:
        name, line = unbound
        refuse(path, f"{name} would be read in line {line} before it is imported")


def refuse(path: str, reason: str, cause: Exception | None = None) -> NoReturn:
    """Raise the error that says why a result is not used."""
    raise RewriteError(f"{reason}; left as it is", path, code=codes.NOT_EQUIVALENT) from cause


class _Redo(ast.NodeTransformer):
    """Makes the edits of a result on the standard library's tree."""

    def __init__(self, old: str, result: Result) -> None:
        lines = re.split(r"\r\n|\r|\n", old)
        self._expressions = {_in_bytes(s, lines): t for s, t in result.expressions.items()}
        self._keywords = {_in_bytes(s, lines): k for s, k in result.keywords.items()}
        self._removed = {
            (line, _in_bytes((line, column, line, column), lines)[1], name)
            for line, column, name in result.removed
        }

    def pending(self) -> bool:
        """Return whether an edit has not found its place."""
        return bool(self._expressions or self._keywords or self._removed)

    def visit(self, node: ast.AST) -> ast.AST:
        keywords = None
        if isinstance(node, ast.Call):
            keywords = self._keywords.pop(_span(node.func), None)
        text = self._expressions.pop(_span(node), None) if isinstance(node, ast.expr) else None
        if text is not None:
            return ast.parse(text, mode="eval").body
        self.generic_visit(node)
        if keywords is not None and isinstance(node, ast.Call):
            _change_keywords(node, keywords)
        if isinstance(node, ast.ImportFrom):
            node.names = [a for a in node.names if not self._is_removed(node, a)]
        return node

    def _is_removed(self, node: ast.ImportFrom, alias: ast.alias) -> bool:
        key = (node.lineno, node.col_offset, alias.asname or alias.name)
        if key not in self._removed:
            return False
        self._removed.discard(key)
        return True


def _take_out(node: ast.AST, added: set[_Alias]) -> int:
    """Take the added imports out of a tree, with what has become empty; return their number."""
    found = 0
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        block = getattr(node, field, None)
        if not isinstance(block, list):
            continue
        for child in block:
            if isinstance(child, ast.ImportFrom):
                kept = [a for a in child.names if not _is_added(child, a, added)]
                found += len(child.names) - len(kept)
                child.names = kept
            else:
                found += _take_out(child, added)
        block[:] = [c for c in block if not isinstance(c, ast.ImportFrom) or c.names]
        # Where the last statement of a block went, `pass` stands in the new text.
        if field == "body" and not block:
            block.append(ast.Pass())
        elif field in ("orelse", "finalbody") and _is_only_pass(block):
            block.clear()
    return found


def _is_added(statement: ast.ImportFrom, alias: ast.alias, added: set[_Alias]) -> bool:
    key = (statement.module or "", alias.name, alias.asname or alias.name)
    return statement.level == 0 and key in added


def _is_only_pass(block: list[ast.AST]) -> bool:
    return len(block) == 1 and isinstance(block[0], ast.Pass)


def _change_keywords(call: ast.Call, change: Keywords) -> None:
    call.keywords = [k for k in call.keywords if k.arg is None or k.arg not in change.drop]
    call.keywords += [
        ast.keyword(name, ast.parse(text, mode="eval").body) for name, text in change.add.items()
    ]


def _span(node: ast.expr) -> Span:
    end_line, end_column = node.end_lineno or 0, node.end_col_offset or 0
    return node.lineno, node.col_offset, end_line, end_column


def _in_bytes(span: Span, lines: list[str]) -> Span:
    """Turn columns counted in characters into columns counted in UTF-8 bytes, as ast's are."""
    line, column, end_line, end_column = span
    start = len(lines[line - 1][:column].encode("utf-8", "surrogatepass"))
    end = len(lines[end_line - 1][:end_column].encode("utf-8", "surrogatepass"))
    return line, start, end_line, end


def _after_hashes(text: str) -> list[str]:
    """Return what follows the first # of each line: cheap, and if equal so are the comments."""
    return [line[line.index("#") :] for line in text.split("\n") if "#" in line]


def _comments(text: str) -> list[str]:
    """Return the comments of a text that parses, in order."""
    reader = io.StringIO(text, newline="").readline
    tokens = tokenize.generate_tokens(reader)
    return [t.string.rstrip("\r\n") for t in tokens if t.type == tokenize.COMMENT]
