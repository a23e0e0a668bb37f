"""Type tests in a file where the former class goes on beside the new one. Imports libcst."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from rnnswap.patch.source import codes
from rnnswap.patch.source.find import TYPE_TESTS, Role, Use
from rnnswap.patch.source.names import Names, last_name
from rnnswap.patch.source.plan import spellings
from rnnswap.spec import Finding

# What constructs the former class, or may hand it to what does.
_CONSTRUCTING = (Role.CALL, Role.BASE, Role.VALUE, Role.ATTRIBUTE)


def is_mixed(left: Iterable[Use], lookups: Iterable[Finding]) -> bool:
    """Return whether what is left may still construct the former class in this file."""
    return any(use.role in _CONSTRUCTING for use in left) or any(
        finding.code in (codes.LOOKUP, codes.STAR) for finding in lookups
    )


def joined(names: Names, use: Use, new: str) -> str | None:
    """Return the source of a test for the class of `use` or for `new`.

    None if the place takes one class alone, as in `type(x) is nn.LSTM`.
    """
    if not _is_in_type_test(names, use.whole):
        return None
    old = names.code(use.whole.with_changes(lpar=[], rpar=[]))
    union = names.parent(use.whole)
    if not isinstance(union, cst.BinaryOperation):
        return f"({old}, {new})"
    return f"{old} | {new}" if union.left is use.whole else f"({old} | {new})"


def pair(names: Names, use: Use, target: str) -> cst.BaseExpression | None:
    """Return the tuple or union of two in which the class of `target` stands beside `use`."""
    if not _is_in_type_test(names, use.whole):
        return None
    around = names.parent(use.whole)
    if isinstance(around, cst.Element):
        around = names.parent(around)
    if isinstance(around, cst.Tuple) and len(around.elements) == 2:
        values = [element.value for element in around.elements]
    elif isinstance(around, cst.BinaryOperation):
        values = [around.left, around.right]
    else:
        return None
    same = set(spellings(target))
    others = [v for v in values if v is not use.whole and _names_one_of(names, v, same)]
    return around if others else None


def _names_one_of(names: Names, node: cst.BaseExpression, same: set[str]) -> bool:
    """Return whether `node`, or what it puts attention over, is one of the dotted names."""
    if isinstance(node, cst.Call) and node.args:
        node = node.args[0].value
    return bool(names.meaning(node).names & same)


def _is_in_type_test(names: Names, node: cst.CSTNode) -> bool:
    """Return whether `node` is among the classes that isinstance or issubclass tests for."""
    for ancestor in names.ancestors(node):
        if isinstance(ancestor, cst.Arg):
            call = names.parent(ancestor)
            if not isinstance(call, cst.Call) or last_name(call.func) not in TYPE_TESTS:
                return False
            return len(call.args) == 2 and call.args[1] is ancestor
        is_union = isinstance(ancestor, cst.BinaryOperation) and isinstance(
            ancestor.operator, cst.BitOr
        )
        if not (is_union or isinstance(ancestor, cst.Tuple | cst.Element)):
            return False
    return False
