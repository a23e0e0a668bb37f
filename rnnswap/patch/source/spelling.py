"""What single nodes spell: dotted names, imported names, literal strings. Imports libcst."""

from __future__ import annotations

from collections.abc import Collection

import libcst as cst
from libcst.metadata.scope_provider import ImportAssignment

# Calls that return a module by its literal name.
_IMPORTERS = ("importorskip", "import_module", "__import__")

#: What people call torch's modules; a chain from one of them that nothing binds is worth a word.
CUSTOMARY = {"nn": "torch.nn", "torch": "torch"}


def imported_name(assignment: ImportAssignment) -> str | None:
    """Return the dotted name of what an import binds, relative imports with leading dots."""
    node = assignment.node
    bound = assignment.name.partition(".")[0]
    if isinstance(node, cst.ImportFrom) and not isinstance(node.names, cst.ImportStar):
        prefix = "." * len(node.relative) + (dotted(node.module) if node.module else "")
        for alias in reversed(node.names):
            if bound_name(alias) == bound:
                return f"{prefix}.{dotted(alias.name)}"
    if isinstance(node, cst.Import):
        for alias in reversed(node.names):
            if bound_name(alias) == bound:
                return dotted(alias.name) if alias.asname else bound
    return None


def bound_name(alias: cst.ImportAlias) -> str:
    """Return the name that an import alias binds."""
    if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
        return alias.asname.name.value
    return dotted(alias.name).partition(".")[0]


def dotted(node: cst.CSTNode) -> str:
    """Return `a.b.c` for a name or attribute chain, else the empty string."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr.value}" if inner else ""
    return ""


def last_name(node: cst.CSTNode) -> str:
    """Return the last name of a callee: `d` of `a().b.d`."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def literal_text(node: cst.CSTNode) -> str | None:
    """Return the value of a plain string literal, None for anything else."""
    if isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    return None


def ends_as_torchs(node: cst.CSTNode, classes: Collection[str]) -> bool:
    """Return whether this is an attribute chain that ends in `nn.` and one of torch's `classes`."""
    if not isinstance(node, cst.Attribute):
        return False
    module = CUSTOMARY.get(last_name(node.value))
    return module is not None and f"{module}.{node.attr.value}" in classes


def root_of(node: cst.CSTNode) -> cst.Name | None:
    """Return the first name of a name or attribute chain, None for anything else."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return node if isinstance(node, cst.Name) else None


def imported_by_call(call: cst.Call) -> str:
    """Return the module that `call` returns, imported by its literal name, else nothing."""
    function = last_name(call.func)
    if function not in _IMPORTERS or not call.args or call.args[0].keyword or call.args[0].star:
        return ""
    name = literal_text(call.args[0].value) or ""
    if name.startswith("."):
        return ""
    others = call.args[1:]
    if function == "__import__":
        # With a list of names it returns the module itself, else the package it is in.
        listed = len(others) > 2 or any(a.keyword and a.keyword.value == "fromlist" for a in others)
        return name if listed else name.partition(".")[0]
    return name
