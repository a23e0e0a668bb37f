"""Uses that cannot be edited: getattr, star imports, unbound names, strings. Imports libcst."""

from __future__ import annotations

import re

import libcst as cst

from rnnswap.patch.source import codes
from rnnswap.patch.source.literals import find_literals
from rnnswap.patch.source.names import Names
from rnnswap.patch.source.plan import Origin, Plan
from rnnswap.patch.source.runtime_names import may_choose, may_spell, reached
from rnnswap.patch.source.spelling import CUSTOMARY, dotted, ends_as_torchs, literal_text
from rnnswap.patch.source.stars import find_stars
from rnnswap.spec import Finding


def find_lookups(names: Names, plan: Plan) -> list[Finding]:
    """Return a finding for each lookup that may mean a class to be replaced."""
    origins = {
        name: origin
        for name, origin in plan.origins().items()
        if plan.attention is not None or origin.target != plan.target_for(origin)
    }
    found = []
    speaks_of_torch = "torch" in names.text
    star = _has_star(names, origins)
    for node in names.chains():
        message = _by_getattr(names, node, origins)
        if message:
            found.append(Finding(*names.place(_call(names, node)), codes.LOOKUP, message))
            continue
        message = _unbound(names, node, origins, star)
        if message:
            found.append(Finding(*names.place(node), codes.STAR, message))
        elif speaks_of_torch and _is_of_a_variable(names, node, origins):
            message = f"{dotted(node)} kept: what it leads to shows only at run time"
            found.append(Finding(*names.place(node), codes.LOOKUP, message))
    for string, name, meaning in names.quoted():
        if meaning.names & set(origins):
            message = f"{name} kept: it stands in a string"
            found.append(Finding(*names.place(string), codes.IN_STRING, message))
    return found + find_literals(names, origins)


def _call(names: Names, function: cst.CSTNode) -> cst.CSTNode:
    call = names.parent(function)
    return call if isinstance(call, cst.Call) else function


def _by_getattr(names: Names, node: cst.CSTNode, origins: dict[str, Origin]) -> str | None:
    """Explain `getattr(nn, NAME)` if NAME is or may be the class's."""
    call = names.parent(node)
    if not (isinstance(node, cst.Name) and node.value == "getattr" and isinstance(call, cst.Call)):
        return None
    if call.func is not node or len(call.args) < 2 or not names.is_builtin(node):
        return None
    modules = reached(names, call.args[0].value)
    classes = {n.rpartition(".")[2] for n in origins if n.rpartition(".")[0] in modules}
    if not classes:
        return None
    text = literal_text(call.args[1].value)
    spelled = " ".join(names.code(call).split())
    if text is None:
        if not may_choose(names, call.args[1]) or not may_spell(call.args[1].value, classes):
            return None
        return f"{spelled} kept: which class it is shows only at run time"
    return f"{spelled} kept: the class is looked up by getattr" if text in classes else None


def _has_star(names: Names, origins: dict[str, Origin]) -> bool:
    """Return whether the classes may come through `from torch.nn import *`."""
    modules = {name.rpartition(".")[0] for name in origins}
    return any(star.module in modules for star in find_stars(names))


def _unbound(
    names: Names, node: cst.Name | cst.Attribute, origins: dict[str, Origin], star: bool
) -> str | None:
    """Explain a name that looks like the class but that no statement of the file binds."""
    root: cst.BaseExpression = node
    while isinstance(root, cst.Attribute):
        root = root.value
    if not isinstance(root, cst.Name) or names.is_bound(root):
        return None
    spelled = dotted(node)
    if node is root:
        bare = {origin.class_name for origin in origins.values()}
        if star and spelled in bare:
            return f"{spelled} kept: it comes through a star import"
        return None
    module = CUSTOMARY.get(root.value)
    if module and module + spelled[len(root.value) :] in origins:
        if re.search(r"import\s*\*", names.text):
            return f"{spelled} kept: {root.value} can come through a star import alone"
        if names.is_bound_somewhere(root.value):
            return f"{spelled} kept: {root.value} is bound only further down or elsewhere"
        return f"{spelled} kept: no import in this file binds {root.value}"
    return None


def _is_of_a_variable(
    names: Names, node: cst.Name | cst.Attribute, origins: dict[str, Origin]
) -> bool:
    """Return whether this is `nn.LSTM` or `self.nn.LSTM` with an `nn` that anything may have set.

    A class or function of that name is the user's own, and so is what another package exports.
    """
    if not ends_as_torchs(node, origins) or names.meaning(node).names:
        return False
    return names.is_variable(node)
