"""What expressions that look a name up while the program runs lead to. Imports libcst.

As in `getattr(torch, "nn").LSTM`, `sys.modules["torch.nn"].LSTM` and `vars(nn)["LSTM"]`: where a
literal says the way, it is read here as Python would read it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import libcst as cst

from rnnswap.patch.source.names import Names
from rnnswap.patch.source.spelling import imported_by_call, last_name, literal_text, root_of

_MODULE_TABLE = "sys.modules"
# A class of torch.nn chosen by such a name is no recurrent layer.
_OTHER_KINDS = re.compile(
    r"(?i)(?:act(?:ivation)?s?|act_?(?:fn|func\w*)|nonlinearity|norm\w*|loss\w*|pool\w*|init\w*|criterion)(?:_\w+)?[\])'\"]*$"
)


def may_choose(names: Names, node: cst.CSTNode) -> bool:
    """Return whether a name that `node` holds may be a recurrent layer's, and is no literal."""
    element = node.slice if isinstance(node, cst.SubscriptElement) else node
    value = element.value if isinstance(element, cst.Index | cst.Arg) else element
    return literal_text(value) is None and not _OTHER_KINDS.search(names.code(value))


def may_spell(node: cst.BaseExpression, words: Collection[str]) -> bool:
    """Return whether an expression, made of literals and of anything, may be one of `words`."""
    pattern = re.compile(_pattern_of(node))
    return any(pattern.fullmatch(word) for word in words)


def _pattern_of(node: cst.BaseExpression) -> str:
    literal = literal_text(node)
    if literal is not None:
        return re.escape(literal)
    if isinstance(node, cst.FormattedString):
        texts = (p.value if isinstance(p, cst.FormattedStringText) else None for p in node.parts)
        return "".join(".*" if text is None else re.escape(text) for text in texts)
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        return _pattern_of(node.left) + _pattern_of(node.right)
    return ".*"


def reached(names: Names, node: cst.CSTNode) -> frozenset[str]:
    """Return the dotted names that `node` may lead to; for a plain chain, what it means."""
    if root_of(node) is not None:
        return names.meaning(node).names
    if isinstance(node, cst.Attribute):
        return _members(reached(names, node.value), node.attr.value)
    if isinstance(node, cst.Subscript):
        return _item(names, node)
    if isinstance(node, cst.Call):
        return _returned(names, node)
    return frozenset()


def _item(names: Names, node: cst.Subscript) -> frozenset[str]:
    index = node.slice[0].slice
    key = literal_text(index.value) if isinstance(index, cst.Index) else None
    if key is None:
        return frozenset()
    if _MODULE_TABLE in reached(names, node.value):
        return frozenset({key})
    space = namespace(node.value)
    return frozenset() if space is None else _members(reached(names, space), key)


def _returned(names: Names, call: cst.Call) -> frozenset[str]:
    module = imported_by_call(call)
    if module:
        return frozenset({module})
    function, arguments = call.func, call.args
    if isinstance(function, cst.Call):
        # attrgetter("LSTM")(nn)
        path = literal_text(function.args[0].value) if function.args else None
        if last_name(function.func) == "attrgetter" and path and arguments:
            return _members(reached(names, arguments[0].value), path)
        return frozenset()
    if isinstance(function, cst.Name) and function.value == "getattr" and len(arguments) > 1:
        name = literal_text(arguments[1].value)
        if name and names.is_builtin(function):
            return _members(reached(names, arguments[0].value), name)
    return frozenset()


def _members(owners: frozenset[str], name: str) -> frozenset[str]:
    return frozenset(f"{owner}.{name}" for owner in owners)


def namespace(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return MODULE of `MODULE.__dict__` or `vars(MODULE)`."""
    if isinstance(node, cst.Attribute) and node.attr.value == "__dict__":
        return node.value
    if isinstance(node, cst.Call) and last_name(node.func) == "vars" and len(node.args) == 1:
        return node.args[0].value
    return None
