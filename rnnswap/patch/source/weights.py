"""What code that handles a recurrent layer's weights looks like. Imports libcst."""

from __future__ import annotations

import re
from collections.abc import Callable

import libcst as cst

#: Names of a recurrent layer's parameters.
PARAMETER = re.compile(r"\b(?:weight|bias)_(?:ih|hh|hr)\b|\b(?:weight|bias)_(?:ih|hh|hr)_l\d")

#: The number of rows of a recurrent layer's parameter, or of what is called a weight.
WEIGHT_SIZE = re.compile(
    r"(?i)(?:(?<![\w.])\w*(?:weight|bias)\w*|\.(?:weight|bias)_(?:ih|hh|hr)\w*)"
    r"(?:\.data)?\.(?:size\(0\)|shape\[0\])$"
)
_PARAMETERS = re.compile(r"\.(?:named_)?parameters\(\)|\.all_weights\b")


class _Calls(cst.CSTVisitor):
    """Collects the calls that satisfy a condition."""

    def __init__(self, wanted: Callable[[cst.Call], bool]) -> None:
        super().__init__()
        self.found: list[cst.Call] = []
        self._wanted = wanted

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        if self._wanted(node):
            self.found.append(node)


class _Multiples(cst.CSTVisitor):
    """Looks for sizes in units of hidden_size: a product with 2, 3 or 4."""

    def __init__(self, outside_slices: bool) -> None:
        super().__init__()
        self.found = False
        self._outside_slices = outside_slices

    def visit_Slice(self, node: cst.Slice) -> bool:  # noqa: N802
        return not self._outside_slices

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:  # noqa: N802
        factors = (node.left, node.right)
        if isinstance(node.operator, cst.Multiply):
            self.found = self.found or any(is_integer(f, "2", "3", "4") for f in factors)


def calls_in(node: cst.CSTNode, wanted: Callable[[cst.Call], bool]) -> list[cst.Call]:
    """Return the calls inside `node` that satisfy a condition."""
    visitor = _Calls(wanted)
    node.visit(visitor)
    return visitor.found


def has_multiple(node: cst.CSTNode, *, outside_slices: bool = False) -> bool:
    """Return whether `node` holds a product with 2, 3 or 4, asked for inside slices too or not."""
    visitor = _Multiples(outside_slices)
    node.visit(visitor)
    return visitor.found


def is_inner(node: cst.Slice) -> bool:
    """Return whether a slice starts behind the first row and ends, both by number: `16:32`."""
    ends = (node.lower, node.upper)
    return all(isinstance(e, cst.Integer) and e.evaluated_value > 0 for e in ends)


def is_integer(node: cst.CSTNode, *values: str) -> bool:
    """Return whether `node` is one of these integers."""
    return isinstance(node, cst.Integer) and node.value in values


def without_data(node: cst.CSTNode) -> cst.CSTNode:
    """Return `node` without a `.data` or `.grad` at its end."""
    is_content = isinstance(node, cst.Attribute) and node.attr.value in ("data", "grad")
    return node.value if is_content else node  # type: ignore[attr-defined]


def is_parameter(node: cst.CSTNode) -> bool:
    """Return whether `node` is a recurrent layer's parameter, or its data."""
    node = without_data(node)
    return isinstance(node, cst.Attribute) and PARAMETER.match(node.attr.value) is not None


def is_looped(name: str, node: cst.For, code: str) -> bool:
    """Return whether a loop over parameters, whose head is `code`, gives `name` to each of them."""
    targets = node.target.elements if isinstance(node.target, cst.Tuple) else ()
    last = targets[-1].value if targets else node.target
    return (
        isinstance(last, cst.Name) and last.value == name and _PARAMETERS.search(code) is not None
    )


def assigns_names(node: cst.CSTNode) -> bool:
    """Return whether `node` is an assignment to plain names, such as `start, end = ...`."""
    if not isinstance(node, cst.Assign):
        return False
    for target in node.targets:
        values: list[cst.BaseExpression] = [target.target]
        if isinstance(target.target, cst.Tuple):
            values = [element.value for element in target.target.elements]
        if not all(isinstance(value, cst.Name) for value in values):
            return False
    return True
