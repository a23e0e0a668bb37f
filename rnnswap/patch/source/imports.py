"""Decides which imports are added and removed, and makes the changes. Imports libcst.

What is decided here is carried out by `ImportChanges.rebuild`, body by body, so that finding and
editing stay apart. The statement to add goes after the imports that bind the former class, as
what is loaded there is loaded already; a statement that becomes empty is replaced in its place.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import libcst as cst
from libcst.metadata.scope_provider import ClassScope, GlobalScope, ImportAssignment

from rnnswap.patch.source.names import Names
from rnnswap.patch.source.plan import spellings
from rnnswap.patch.source.spelling import bound_name, imported_name

# With the name in quotes somewhere, any of these may look the name up.
_LOOKUPS = re.compile(
    r"\b(__all__|__dict__|getattr|hasattr|delattr|attrgetter|globals|locals|vars)\b"
    r"|\bsys\s*\.\s*modules\b|(?<!\.)\b(eval|exec)\b"
)
# These look names of the module itself up, which may be known at run time alone.
_OWN_LOOKUPS = re.compile(
    r"\bglobals\s*\(|\bvars\s*\(\s*\)|\b(modules\s*\[|import_module\s*\(|__import__\s*\()\s*__name__\b"
)
# These alone can look up what a function or class binds for itself.
_LOCAL_LOOKUPS = re.compile(r"\b(?:locals|vars|dir)\s*\(\s*\)|(?<!\.)\b(?:eval|exec)\s*\(")


class Import(NamedTuple):
    """`from module import name [as alias]`."""

    module: str
    name: str
    alias: str

    def __str__(self) -> str:
        return self.name if self.alias == self.name else f"{self.name} as {self.alias}"


class Removal(NamedTuple):
    """One name to be taken out of a from-import."""

    statement: cst.ImportFrom
    alias: cst.ImportAlias


@dataclass(slots=True)
class ImportChanges:
    """What changes among a module's imports.

    Args:
        removals: Names to take out.
        additions: What to import in addition.
        body: The module or block that gets the new statement, and
        index: the place in it before which the statement goes, if no statement
        instead: is replaced by it.
    """

    removals: list[Removal] = field(default_factory=list)
    additions: list[Import] = field(default_factory=list)
    body: cst.CSTNode | None = None
    index: int = 0
    instead: cst.ImportFrom | None = None

    def emptied(self) -> list[cst.ImportFrom]:
        """Return the statements all of whose names are taken out."""
        statements = {removal.statement: None for removal in self.removals}
        return [s for s in statements if len(self._kept(s)) == 0]

    def rebuild(self, original: cst.CSTNode, updated: cst.CSTNode) -> cst.CSTNode:
        """Return a module, block or one-line suite with these changes made in it."""
        from rnnswap.patch.source.statements import rebuild_block, rebuild_suite

        if isinstance(original, cst.SimpleStatementSuite):
            return rebuild_suite(self, original, updated)
        return rebuild_block(self, original, updated)

    def _kept(self, statement: cst.ImportFrom) -> list[cst.ImportAlias]:
        gone = {id(r.alias) for r in self.removals if r.statement is statement}
        assert not isinstance(statement.names, cst.ImportStar)
        return [alias for alias in statement.names if id(alias) not in gone]


def usable_import(
    names: Names, target: str, first: int, nodes: Sequence[cst.CSTNode]
) -> str | None:
    """Return the local name under which the class of `target` is imported at the top already.

    Args:
        names: The names of the module.
        target: `"package.module:Class"`.
        first: Index of the first top-level statement that needs it.
        nodes: The expressions that will be replaced by it.
    """
    same = set(spellings(target))
    for assignment in _imported_before(names, first):
        if imported_name(assignment) in same and not _is_taken(names, assignment.name, same, nodes):
            return assignment.name
    return None


def usable_module(
    names: Names, target: str, first: int, nodes: Sequence[cst.CSTNode]
) -> str | None:
    """Return how to spell a class of torch's through a module imported at the top already.

    The way back then ends where it began: with `nn.LSTM`. Args as for `usable_import`.
    """
    module, _, name = target.partition(":")
    if len(spellings(target)) == 1:
        return None
    found: dict[str, str] = {}
    for assignment in _imported_before(names, first):
        whole, root = imported_name(assignment), assignment.name.partition(".")[0]
        if whole in (module, "torch") and _means_module(names, root, whole, nodes):
            found.setdefault(whole, root)
    if module in found:
        return f"{found[module]}.{name}"
    return f"{found['torch']}{module.removeprefix('torch')}.{name}" if found else None


def _means_module(names: Names, name: str, module: str, nodes: Sequence[cst.CSTNode]) -> bool:
    """Return whether `name` is that module at each of `nodes`, whatever else it is elsewhere."""
    if names.is_respelled(name) or names.is_deleted(name) or names.is_declared(name):
        return False
    if any(names.is_bound_locally(name, node) for node in nodes):
        return False
    return all(
        isinstance(assignment, ImportAssignment) and imported_name(assignment) == module
        for assignment in names.globals.assignments
        if assignment.name.partition(".")[0] == name
    )


def _imported_before(names: Names, first: int) -> Iterator[ImportAssignment]:
    """Yield what the lines at the top of the module import, up to the statement at `first`."""
    for assignment in names.globals.assignments:
        if isinstance(assignment, ImportAssignment):
            line = names.parent(assignment.node)
            if line in names.module.body and names.module.body.index(line) < first:
                yield assignment


def free_name(names: Names, target: str, nodes: Sequence[cst.CSTNode]) -> str:
    """Return a name for the class of `target` that nothing in the module uses otherwise.

    Args:
        names: The names of the module.
        target: `"package.module:Class"`.
        nodes: The expressions that will be replaced by it.
    """
    module, _, name = target.partition(":")
    same = set(spellings(target))
    if not _is_taken(names, name, same, nodes):
        return name
    package = "".join(part.capitalize() for part in module.partition(".")[0].split("_"))
    candidate = package + name
    while _is_taken(names, candidate, same, nodes):
        candidate += "_"
    return candidate


def _is_taken(names: Names, name: str, same: set[str], nodes: Sequence[cst.CSTNode]) -> bool:
    """Return whether `name` is bound to, or read as, anything but one of the dotted names."""
    if hasattr(builtins, name) or names.is_respelled(name) or names.is_deleted(name):
        return True
    # Where a function imports it for itself, it may do so after the place of one of the nodes.
    if any(names.is_bound_locally(name, node) for node in nodes):
        return True
    for scope in names.scopes:
        for assignment in scope.assignments:
            if assignment.name.partition(".")[0] == name and not (
                isinstance(assignment, ImportAssignment) and imported_name(assignment) in same
            ):
                return True
        if any(not access.referents for access in scope.accesses[name]):
            return True
    return False


def find_removals(
    names: Names, targets: Iterable[str], replaced: set[cst.CSTNode], reused: set[str]
) -> tuple[list[Removal], list[cst.ImportAlias]]:
    """Find the from-imports that the edits leave without a use.

    Args:
        names: The names of the module.
        targets: The classes whose imports may go.
        replaced: The expressions that are replaced.
        reused: Local names that are still needed.

    Returns:
        What can go, and what stays because others may import it or look it up by name.
    """
    dotted_names = {spelling for target in targets for spelling in spellings(target)}
    removals, exported = [], []
    for scope in names.scopes:
        for assignment in scope.assignments:
            if not isinstance(assignment, ImportAssignment) or assignment.name in reused:
                continue
            statement = assignment.node
            if imported_name(assignment) not in dotted_names:
                continue
            if not isinstance(statement, cst.ImportFrom):
                continue
            alias = _alias(statement, assignment.name)
            inside = [_is_inside(names, a.node, replaced) for a in assignment.references]
            if isinstance(scope, GlobalScope):
                looked_up = _is_looked_up(names.text, assignment.name)
            else:
                looked_up = _LOCAL_LOOKUPS.search(names.text) is not None
            if not inside or looked_up:
                exported.append(alias)
            elif all(inside) and not isinstance(scope, ClassScope):
                removals.append(Removal(statement, alias))
    return _without_comment_losses(names, removals), exported


def _alias(statement: cst.ImportFrom, name: str) -> cst.ImportAlias:
    assert not isinstance(statement.names, cst.ImportStar)
    return next(alias for alias in reversed(statement.names) if bound_name(alias) == name)


def _is_inside(names: Names, node: cst.CSTNode, replaced: set[cst.CSTNode]) -> bool:
    return node in replaced or any(a in replaced for a in names.ancestors(node))


def _is_looked_up(text: str, name: str) -> bool:
    """Return whether the module lists `name` in __all__ or may look it up as a string.

    A type comment counts, too: type checkers and TorchScript read it.
    """
    if _OWN_LOOKUPS.search(text) or re.search(rf"#\s*type:.*\b{re.escape(name)}\b", text):
        return True
    quoted = re.search(rf"""(['"]){re.escape(name)}\1""", text)
    return quoted is not None and _LOOKUPS.search(text) is not None


def _without_comment_losses(names: Names, removals: list[Removal]) -> list[Removal]:
    """Keep a name whose removal would lose a comment that stands among the names."""
    return [r for r in removals if "#" not in names.code(r.statement)]


def keep_commented(names: Names, changes: ImportChanges) -> None:
    """Keep a whole statement that nothing replaces if a comment follows it on its line."""
    for statement in changes.emptied():
        line = names.parent(statement)
        ending = getattr(line, "trailing_whitespace", None)
        alone = isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1
        if statement is not changes.instead and alone and ending and ending.comment:
            changes.removals = [r for r in changes.removals if r.statement is not statement]
