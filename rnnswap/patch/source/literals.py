"""Look-ups by a literal string other than getattr's: namespaces, eval, imports by call, mocks.

Imports libcst.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import libcst as cst

from rnnswap.patch.source import codes
from rnnswap.patch.source.names import Names
from rnnswap.patch.source.spelling import imported_by_call, last_name, literal_text
from rnnswap.spec import Finding

_EVALUATORS = ("eval", "exec")
# Calls to which the dotted name of a class is given, whose object they find or replace.
_BY_DOTTED_NAME = ("patch", "setattr", "delattr", "locate", "resolve_name", "import_string")
_MAY_OCCUR = re.compile(
    rf"\b(__dict__|vars|import_module|__import__|{'|'.join(_EVALUATORS + _BY_DOTTED_NAME)})\b"
)


def find_literals(names: Names, classes: Collection[str]) -> list[Finding]:
    """Return a finding for each place that reaches one of `classes` through a literal string.

    Args:
        names: The names of the module.
        classes: Dotted names, such as "torch.nn.LSTM".
    """
    if not _MAY_OCCUR.search(names.text):
        return []
    visitor = _Literals(names, classes)
    names.module.visit(visitor)
    return visitor.found


class _Literals(cst.CSTVisitor):
    def __init__(self, names: Names, classes: Collection[str]) -> None:
        super().__init__()
        self.found: list[Finding] = []
        self._names = names
        self._classes = classes
        bare = {name.rpartition(".")[2] for name in classes}
        # A chain that ends in the class, or a call of it; a word in a sentence is neither.
        self._in_code = re.compile(rf"\.\s*({'|'.join(bare)})\b|\b({'|'.join(bare)})\s*\(")

    def visit_Subscript(self, node: cst.Subscript) -> None:  # noqa: N802
        space = _namespace(node.value)
        index = node.slice[0].slice
        key = literal_text(index.value) if isinstance(index, cst.Index) else None
        if space is not None and key is not None and self._has(space, key):
            self._report(node, "the class is looked up by its name")

    def visit_Attribute(self, node: cst.Attribute) -> None:  # noqa: N802
        rest, root = node.attr.value, node.value
        while isinstance(root, cst.Attribute):
            rest, root = f"{root.attr.value}.{rest}", root.value
        if isinstance(root, cst.Call) and f"{imported_by_call(root)}.{rest}" in self._classes:
            self._report(node, "its module is imported by a call")

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        text = literal_text(node.args[0].value) if node.args else None
        if text is None:
            return
        function = last_name(node.func)
        is_code = isinstance(node.func, cst.Name) and function in _EVALUATORS
        if is_code and self._in_code.search(text):
            self._report(node, "it stands in a string that is run")
        elif function in _BY_DOTTED_NAME and text in self._classes:
            self._report(node, "it is named by a string")

    def _has(self, space: cst.BaseExpression, key: str) -> bool:
        return any(f"{n}.{key}" in self._classes for n in self._names.meaning(space).names)

    def _report(self, node: cst.CSTNode, why: str) -> None:
        spelled = " ".join(self._names.code(node).split())
        place = self._names.place(node)
        self.found.append(Finding(*place, codes.LOOKUP, f"{spelled} kept: {why}"))


def _namespace(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return MODULE of `MODULE.__dict__` or `vars(MODULE)`."""
    if isinstance(node, cst.Attribute) and node.attr.value == "__dict__":
        return node.value
    if isinstance(node, cst.Call) and last_name(node.func) == "vars" and len(node.args) == 1:
        return node.args[0].value
    return None
