"""Look-ups by a literal string: namespaces, eval, imports by call, mocks, configurations.

Imports libcst.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

import libcst as cst

from rnnswap.patch.source import codes
from rnnswap.patch.source.names import Names
from rnnswap.patch.source.runtime_names import may_choose, namespace, reached
from rnnswap.patch.source.spelling import ends_as_torchs, last_name, literal_text, root_of
from rnnswap.spec import Finding

_EVALUATORS = ("eval", "exec")
# Calls to which the dotted name of a class is given, whose object they find or replace.
_BY_DOTTED_NAME = ("patch", "setattr", "delattr", "locate", "resolve_name", "import_string")
_INDIRECT = ("__dict__", "vars", "import_module", "__import__", "getattr", "attrgetter", "modules")
_MAY_OCCUR = re.compile(rf"\b({'|'.join(_INDIRECT + _EVALUATORS + _BY_DOTTED_NAME)})\b")
# Code that is put together: `f"nn.{kind}"`, `"nn." + kind`, `"nn.%s" % kind`.
_COMPOSED = re.compile(r"""\bnn\.(?:[{'"]|%s)""")
# Where a dotted name is a value for something else to import: a configuration's `_target_`.
_GIVEN = (cst.AnnAssign, cst.Assign, cst.DictElement, cst.Param)


def find_literals(names: Names, classes: Collection[str]) -> list[Finding]:
    """Return a finding for each place that reaches one of `classes` through a literal string.

    Args:
        names: The names of the module.
        classes: Dotted names, such as "torch.nn.LSTM".
    """
    if "torch" not in names.text and not _MAY_OCCUR.search(names.text):
        return []
    return _Literals(names, classes).run()


class _Literals:
    """Goes through the nodes of one module; each kind of node has its question."""

    def __init__(self, names: Names, classes: Collection[str]) -> None:
        self._found: list[Finding] = []
        self._names = names
        self._classes = classes
        bare = {name.rpartition(".")[2] for name in classes}
        # A chain that ends in the class, or a call of it; a word in a sentence is neither.
        self._in_code = re.compile(rf"\.\s*({'|'.join(bare)})\b|\b({'|'.join(bare)})\s*\(")

    def run(self) -> list[Finding]:
        """Return the findings, in the order of their places."""
        questions: dict[type[cst.CSTNode], Callable[[Any], None]] = {
            cst.Attribute: self._attribute,
            cst.Call: self._call,
            cst.SimpleString: self._string,
            cst.Subscript: self._subscript,
        }
        for node in self._names.nodes():
            question = questions.get(type(node))
            if question is not None:
                question(node)
        return self._found

    def _subscript(self, node: cst.Subscript) -> None:
        space = namespace(node.value)
        if self._leads_there(node):
            self._report(node, "the class is looked up by its name")
        elif space is not None and may_choose(self._names, node.slice[0]):
            modules = {name.rpartition(".")[0] for name in self._classes}
            if modules & reached(self._names, space):
                self._report(node, "which class it is shows only at run time")

    def _attribute(self, node: cst.Attribute) -> None:
        if root_of(node) is None and self._leads_there(node):
            self._report(node, "its module is looked up while the program runs")
        elif root_of(node) is None and ends_as_torchs(node, self._classes):
            self._report(node, "what it leads to shows only at run time")

    def _call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Call) and self._leads_there(node):
            self._report(node, "the class is looked up by its name")
        function = last_name(node.func)
        is_code = isinstance(node.func, cst.Name) and function in _EVALUATORS
        text = literal_text(node.args[0].value) if node.args else None
        if text is None:
            if is_code and node.args and _COMPOSED.search(self._names.code(node.args[0])):
                self._report(node, "which class it is shows only at run time")
            return
        if is_code and self._in_code.search(text):
            self._report(node, "it stands in a string that is run")
        elif function in _BY_DOTTED_NAME and text in self._classes:
            self._report(node, "it is named by a string")

    def _string(self, node: cst.SimpleString) -> None:
        if literal_text(node) not in self._classes:
            return
        parent = self._names.parent(node)
        is_named = isinstance(parent, cst.Arg) and parent.keyword is not None
        is_value = isinstance(parent, _GIVEN) and node in (
            getattr(parent, "value", None),
            getattr(parent, "default", None),
        )
        if is_named or is_value:
            self._report(node, "a string names the class", codes.IN_STRING)

    def _leads_there(self, node: cst.BaseExpression) -> bool:
        return any(name in self._classes for name in reached(self._names, node))

    def _report(self, node: cst.CSTNode, why: str, code: str = codes.LOOKUP) -> None:
        spelled = " ".join(self._names.code(node).split())
        place = self._names.place(node)
        self._found.append(Finding(*place, code, f"{spelled} kept: {why}"))
