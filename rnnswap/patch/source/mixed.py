"""Type tests in a file where the former class goes on beside the new one. Imports libcst.

`isinstance(x, nn.LSTM)` becomes a test for either class. `type(x) is nn.LSTM` takes one class
alone, so the comparison is joined by a second one: `type(x) is nn.LSTM or type(x) is JANET`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import libcst as cst

from rnnswap.patch.source import codes
from rnnswap.patch.source.find import TYPE_TESTS, Role, Use
from rnnswap.patch.source.names import Names
from rnnswap.patch.source.plan import spellings
from rnnswap.patch.source.spelling import dotted, last_name
from rnnswap.spec import Finding

# What constructs the former class, or may hand it to what does.
_CONSTRUCTING = (Role.CALL, Role.BASE, Role.VALUE, Role.ATTRIBUTE)
# What can hold `a or b` without parentheses.
_ROOMY = (cst.If, cst.While, cst.Assert, cst.Return, cst.Assign, cst.Arg)


class Rewriting(NamedTuple):
    """An expression to be replaced, and the source of what replaces it.

    Where that is None, one class stands for two and takes their place.
    """

    node: cst.BaseExpression
    text: str | None


def is_mixed(left: Iterable[Use], lookups: Iterable[Finding]) -> bool:
    """Return whether what is left may still construct the former class in this file."""
    return any(use.role in _CONSTRUCTING for use in left) or any(
        finding.code in (codes.LOOKUP, codes.STAR) for finding in lookups
    )


def joined(names: Names, use: Use, new: str) -> Rewriting | None:
    """Return a test for the class of `use` or for `new`, None if the place takes one alone."""
    if not _is_in_type_test(names, use.whole):
        return _joined_comparison(names, use, new)
    old = names.code(use.whole.with_changes(lpar=[], rpar=[]))
    union = names.parent(use.whole)
    if not isinstance(union, cst.BinaryOperation):
        return Rewriting(use.whole, f"({old}, {new})")
    either = f"{old} | {new}"
    return Rewriting(use.whole, either if union.left is use.whole else f"({either})")


def pair(names: Names, use: Use, target: str) -> Rewriting | None:
    """Return what tests for the class of `target` beside that of `use`, and the way back."""
    same = set(spellings(target))
    if not _is_in_type_test(names, use.whole):
        return _pair_of_comparisons(names, use, same)
    around = names.parent(use.whole)
    if isinstance(around, cst.Element):
        around = names.parent(around)
    if isinstance(around, cst.Tuple) and len(around.elements) == 2:
        values = [element.value for element in around.elements]
    elif isinstance(around, cst.BinaryOperation):
        values = [around.left, around.right]
    else:
        return None
    others = [v for v in values if v is not use.whole and _names_one_of(names, v, same)]
    return Rewriting(around, None) if others else None


def _joined_comparison(names: Names, use: Use, new: str) -> Rewriting | None:
    comparison = _comparison(names, use.whole)
    if comparison is None:
        return None
    operator = comparison.comparisons[0].operator
    left = names.code(comparison.left)
    old = names.code(comparison.with_changes(lpar=[], rpar=[]))
    if isinstance(operator, cst.IsNot | cst.NotEqual | cst.NotIn):
        sign = "!=" if isinstance(operator, cst.NotEqual) else "is not"
        text = f"{old} and {left} {sign} {new}"
    else:
        sign = "==" if isinstance(operator, cst.Equal) else "is"
        text = f"{old} or {left} {sign} {new}"
    roomy = isinstance(names.parent(comparison), _ROOMY) and "\n" not in text
    return Rewriting(comparison, text if roomy or comparison.lpar else f"({text})")


def _pair_of_comparisons(names: Names, use: Use, same: set[str]) -> Rewriting | None:
    """Return `type(x) is A or type(x) is B` around `use`, and the comparison without it."""
    comparison = _comparison(names, use.whole)
    around = names.parent(comparison) if comparison is not None else None
    if comparison is None or not isinstance(around, cst.BooleanOperation):
        return None
    other = around.right if around.left is comparison else around.left
    if not isinstance(other, cst.Comparison) or not other.left.deep_equals(comparison.left):
        return None
    if not any(_names_one_of(names, value, same) for value in _compared(other)):
        return None
    code = names.code(other.with_changes(lpar=[], rpar=[]))
    outer = names.parent(around)
    is_not = isinstance(outer, cst.UnaryOperation) and isinstance(outer.operator, cst.Not)
    binds_less = is_not or isinstance(outer, cst.BooleanOperation | cst.CompIf)
    if around.lpar and (not binds_less or "\n" in code):
        code = f"({code})"
    return Rewriting(around, code)


def _comparison(names: Names, node: cst.CSTNode) -> cst.Comparison | None:
    """Return the comparison of something with `node`, alone or among others."""
    around = names.parent(node)
    if isinstance(around, cst.Element):
        around = names.parent(around)
        around = names.parent(around) if around is not None else None
    comparison = names.parent(around) if isinstance(around, cst.ComparisonTarget) else None
    if not isinstance(comparison, cst.Comparison) or len(comparison.comparisons) > 1:
        return None
    # What is called inside may be rewritten itself.
    plain = all(value is node or dotted(value) for value in _compared(comparison))
    return comparison if plain and _can_be_repeated(comparison.left) else None


def _compared(comparison: cst.Comparison) -> list[cst.BaseExpression]:
    """Return what stands on the right of a comparison: one expression, or those of a list."""
    right = comparison.comparisons[0].comparator
    if isinstance(right, cst.Tuple | cst.List | cst.Set):
        return [element.value for element in right.elements]
    return [right]


def _can_be_repeated(node: cst.BaseExpression) -> bool:
    """Return whether `node` is a name or attribute chain, or the type of one."""
    if isinstance(node, cst.Call) and dotted(node.func) == "type" and len(node.args) == 1:
        node = node.args[0].value
    return bool(dotted(node))


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
