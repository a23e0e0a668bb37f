"""What the names in a module refer to, by libcst's scope analysis. Imports libcst."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import libcst as cst
from libcst.metadata import ExpressionContext
from libcst.metadata.scope_provider import (
    Access,
    Assignment,
    BaseAssignment,
    BuiltinAssignment,
    GlobalScope,
    ImportAssignment,
    Scope,
)

from rnnswap.patch.source.metadata import Layout, find_scopes
from rnnswap.patch.source.spelling import (
    dotted,
    imported_by_call,
    imported_name,
    literal_text,
    root_of,
)

_MAX_ALIASES = 5


class Meaning(NamedTuple):
    """What a name or attribute chain may refer to.

    Args:
        names: Dotted names through imports, such as "torch.nn.LSTM".
        certain: False if something that is not imported may be meant as well.
        bindings: The import statements (or assignments of an imported module) that bind it.
    """

    names: frozenset[str] = frozenset()
    certain: bool = True
    bindings: tuple[cst.CSTNode, ...] = ()


class Names:
    """The names of one parsed module.

    Args:
        module: As parsed; the nodes asked about must be its own.
        layout: Its text and the places of its nodes.
        modules: Dotted names of modules whose aliases by plain assignment are followed
            (`nn = torch.nn`).
    """

    def __init__(self, module: cst.Module, layout: Layout, modules: frozenset[str]) -> None:
        self.module = module
        self.text = layout.code
        self._modules = modules
        self.scopes, self._contexts = find_scopes(module)
        self._parents = layout.parents
        self._positions = layout.positions
        self._accesses: dict[cst.Name, Access] = {}
        self._quoted: dict[cst.CSTNode, Scope] = {}
        words = () if self.text.isascii() else set(re.findall(r"[^\W\d]\w*", self.text))
        self._respelled = {unicodedata.normalize("NFKC", w) for w in words if not w.isascii()}
        for scope in self.scopes:
            for access in scope.accesses:
                root = root_of(access.node)
                if root is not None:
                    self._accesses[root] = access
                else:
                    self._quoted[access.node] = scope

    def is_visible(self, binding: cst.CSTNode, node: cst.CSTNode) -> bool:
        """Return whether what is imported beside `binding` can be read at `node`."""
        around = [a for a in self.ancestors(binding) if isinstance(a, cst.FunctionDef)]
        return not around or around[0] in self.ancestors(node)

    def is_bound_locally(self, name: str, node: cst.CSTNode) -> bool:
        """Return whether a function or class around `node` gives `name` a meaning there."""
        root = root_of(node)
        access = self._accesses.get(root) if root is not None else None
        found = access.scope[name] if access is not None else ()
        return any(not isinstance(a.scope, GlobalScope) for a in found)

    def is_deleted(self, name: str) -> bool:
        """Return whether the module deletes `name` somewhere."""
        return any(
            self._contexts.get(access.node) is ExpressionContext.DEL
            for scope in self.scopes
            for access in scope.accesses[name]
        )

    def is_declared(self, name: str) -> bool:
        """Return whether a function declares `name` to be a global or nonlocal one."""
        return (
            re.search(rf"\b(global|nonlocal)\b[^\n#;]*\b{re.escape(name)}\b", self.text) is not None
        )

    def is_respelled(self, name: str) -> bool:
        """Return whether the text holds `name` in other characters that mean the same to Python."""
        return name in self._respelled

    @property
    def globals(self) -> Scope:
        """Return the module's own scope, or an empty one if it has no names."""
        return next((s for s in self.scopes if isinstance(s, GlobalScope)), GlobalScope())

    def nodes(self) -> Iterator[cst.CSTNode]:
        """Yield every node in the order of the text, what is around before what is inside."""
        return iter(self._parents)

    def chains(self) -> Iterator[cst.Name | cst.Attribute]:
        """Yield every name that is read, followed by the attribute chains that start with it."""
        for name in self._accesses:
            node: cst.Name | cst.Attribute = name
            yield node
            parent = self.parent(node)
            while isinstance(parent, cst.Attribute) and parent.value is node:
                node = parent
                yield node
                parent = self.parent(node)

    def meaning(self, node: cst.CSTNode, depth: int = 0) -> Meaning:
        """Return what `node` refers to; nothing unless it is a name or an attribute chain."""
        root = root_of(node)
        access = self._accesses.get(root) if root is not None else None
        if root is None or access is None:
            return Meaning()
        rest = dotted(node)[len(root.value) :]
        found = referents(access, root.value)
        everywhere = access.scope[root.value]
        if len(found) < len(everywhere) and self._is_in_loop(root):
            # The next turn sees what is bound further down.
            found = list(everywhere)
        return self._combine(found, rest, depth)

    def quoted(self) -> Iterator[tuple[cst.CSTNode, str, Meaning]]:
        """Yield each name inside a string that is an annotation, with the string."""
        for node, scope in self._quoted.items():
            for name in re.findall(r"[^\W\d][\w.]*", literal_text(node) or ""):
                root, _, rest = name.partition(".")
                found = self._combine(list(scope[root]), f".{rest}" if rest else "", 0)
                yield node, name, found

    def _combine(self, assignments: list[BaseAssignment], rest: str, depth: int) -> Meaning:
        """Return what the attribute chain `rest` of a name bound by `assignments` may be."""
        names: set[str] = set()
        bindings: list[cst.CSTNode] = []
        certain = True
        for assignment in assignments:
            found = self._assigned(assignment, depth)
            if found.names:
                names |= {name + rest for name in found.names}
                bindings += found.bindings
                certain = certain and found.certain
            elif not (rest and self._is_none(assignment)):
                certain = False
        return Meaning(frozenset(names), certain, tuple(bindings))

    def is_bound(self, root: cst.Name) -> bool:
        """Return whether anything in the module, or a builtin, binds the name read at `root`."""
        access = self._accesses.get(root)
        return access is not None and bool(referents(access, root.value))

    def is_bound_somewhere(self, name: str) -> bool:
        """Return whether any scope of the module binds `name`."""
        found = (a.name for scope in self.scopes for a in scope.assignments)
        return any(bound.partition(".")[0] == name for bound in found)

    def is_variable(self, node: cst.CSTNode) -> bool:
        """Return whether the chain `node` starts with a parameter or what a statement assigned."""
        root = root_of(node)
        access = self._accesses.get(root) if root is not None else None
        found = referents(access, root.value) if access is not None and root is not None else []
        fixed = (cst.ClassDef, cst.FunctionDef, cst.Import, cst.ImportFrom)
        return any(isinstance(a, Assignment) and not isinstance(a.node, fixed) for a in found)

    def is_builtin(self, root: cst.Name) -> bool:
        """Return whether the name read at `root` is a builtin that nothing in the module hides."""
        access = self._accesses.get(root)
        found = referents(access, root.value) if access is not None else []
        return bool(found) and all(isinstance(a, BuiltinAssignment) for a in found)

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """Return the node around `node`, None for the module."""
        return self._parents.get(node)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the nodes around `node`, the nearest first."""
        parent = self.parent(node)
        while parent is not None:
            yield parent
            parent = self.parent(parent)

    def is_read(self, node: cst.CSTNode) -> bool:
        """Return whether the expression is read, not assigned to or deleted."""
        return self._contexts.get(node) in (ExpressionContext.LOAD, None)

    def place(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return line and column of the start of `node`, both 1-based, in characters."""
        start = self._positions[node].start
        return start.line, start.column + 1

    def span(self, node: cst.CSTNode) -> tuple[int, int, int, int]:
        """Return start line (1-based), start column (0-based), end line and end column.

        The parentheses of a tuple are part of it, as ast has it.
        """
        first = last = node
        if isinstance(node, cst.Tuple) and node.lpar:
            first, last = node.lpar[-1], node.rpar[0]
        start, end = self._positions[first].start, self._positions[last].end
        return start.line, start.column, end.line, end.column

    def code(self, node: cst.CSTNode) -> str:
        """Return the source of `node` as it stands."""
        return self.module.code_for_node(node)

    def _assigned(self, assignment: BaseAssignment, depth: int) -> Meaning:
        """Return what an assignment binds its name to: an import, or a module by another name."""
        node = getattr(assignment, "node", None)
        if isinstance(assignment, ImportAssignment):
            name = imported_name(assignment)
            return Meaning(frozenset({name}), True, (node,)) if name and node else Meaning()
        value = self._plain_value(node)
        if value is None or depth > _MAX_ALIASES:
            return Meaning()
        found = self.meaning(value, depth + 1)
        if isinstance(value, cst.Call):
            found = Meaning(frozenset({imported_by_call(value)} - {""}))
        if not found.names or not found.names <= self._modules:
            return Meaning()
        assert node is not None
        return Meaning(found.names, found.certain, found.bindings or (node,))

    def _is_in_loop(self, node: cst.CSTNode) -> bool:
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, cst.FunctionDef | cst.ClassDef):
                return False
            if isinstance(ancestor, cst.For | cst.While):
                return True
        return False

    def _is_none(self, assignment: BaseAssignment) -> bool:
        """Return whether this is `nn = None`, the usual stand-in where torch is missing."""
        value = self._plain_value(getattr(assignment, "node", None))
        return isinstance(value, cst.Name) and value.value == "None"

    def _plain_value(self, node: cst.CSTNode | None) -> cst.BaseExpression | None:
        """Return VALUE if `node` is a target of `target = VALUE`, or one of several in a tuple."""
        target = self.parent(node) if isinstance(node, cst.Name) else None
        if isinstance(target, cst.NamedExpr | cst.AnnAssign):
            return target.value if target.target is node else None
        index = None
        if isinstance(target, cst.Element):
            group = self.parent(target)
            if not isinstance(group, cst.Tuple | cst.List):
                return None
            index = next(i for i, element in enumerate(group.elements) if element is target)
            targets, target = group.elements, self.parent(group)
        statement = self.parent(target) if isinstance(target, cst.AssignTarget) else None
        value = statement.value if isinstance(statement, cst.Assign) else None
        if index is None:
            return value
        return _counterpart(targets, value, index)


def _counterpart(
    targets: Sequence[cst.BaseElement], value: cst.BaseExpression | None, index: int
) -> cst.BaseExpression | None:
    """Return what `targets[index]` gets when a tuple is unpacked, if that can be seen."""
    values = value.elements if isinstance(value, cst.Tuple | cst.List) else ()
    if len(values) != len(targets):
        return None
    if any(isinstance(element, cst.StarredElement) for element in (*targets, *values)):
        return None
    return values[index].value


def referents(access: Access, root: str) -> list[BaseAssignment]:
    """Return the assignments that a read of the name `root` may refer to."""
    found = list(access.referents)
    # `import torch.nn` is recorded as "torch.nn", which hides a parameter called `torch`.
    if any("." in assignment.name for assignment in found):
        return list(access.scope[root])
    return found
