"""Finds every use of the classes to be replaced, whatever it is called there. Imports libcst."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import libcst as cst

from rnnswap.patch.source.names import Meaning, Names
from rnnswap.patch.source.plan import WITH_ATTENTION, Origin, Plan, spellings
from rnnswap.patch.source.spelling import last_name, literal_text

TYPE_TESTS = ("isinstance", "issubclass")


class Role(enum.Enum):
    """What the class is used for at one place."""

    CALL = enum.auto()
    BASE = enum.auto()
    ANNOTATION = enum.auto()
    TEST = enum.auto()
    ATTRIBUTE = enum.auto()
    PATTERN = enum.auto()
    VALUE = enum.auto()


class Use(NamedTuple):
    """One place that uses a class to be replaced.

    Args:
        node: The expression that names the class.
        wrapper: The call `with_attention(node, ...)` around it, or None.
        origin: Which class it is.
        meaning: How the name was resolved.
        role: What the class, or the wrapper's result, is used for.
        owner: What gives it the role: the constructor call, or the call of functools.partial that
            stands for one; the class definition, the attribute access; None for other roles.
    """

    node: cst.Name | cst.Attribute
    wrapper: cst.Call | None
    origin: Origin
    meaning: Meaning
    role: Role
    owner: cst.CSTNode | None

    @property
    def whole(self) -> cst.BaseExpression:
        """Return the wrapper if there is one, else the node."""
        return self.node if self.wrapper is None else self.wrapper

    @property
    def is_partial(self) -> bool:
        """Return whether the class is constructed later, through functools.partial."""
        return isinstance(self.owner, cst.Call) and self.owner.func is not self.whole

    def arguments(self, call: cst.Call) -> Sequence[cst.Arg]:
        """Return what its constructor call `call` passes to the class."""
        return call.args[1:] if self.is_partial else call.args

    @property
    def mechanism(self) -> str | None:
        """Return the name of the attention that the wrapper puts over the class, if literal."""
        if self.wrapper is None or len(self.wrapper.args) < 2:
            return None
        return literal_text(self.wrapper.args[1].value)


def find_uses(names: Names, plan: Plan) -> list[Use]:
    """Return the uses in the order of their places."""
    origins = plan.origins()
    uses = []
    for node in names.chains():
        meaning = names.meaning(node)
        found = [origins[name] for name in sorted(meaning.names) if name in origins]
        if found:
            certain = meaning.certain and len(found) == len(meaning.names)
            meaning = Meaning(meaning.names, certain, meaning.bindings)
            uses.append(_use(names, node, found[0], meaning))
    return sorted(uses, key=lambda use: names.place(use.node))


def find_others(names: Names, plan: Plan) -> list[cst.Name | cst.Attribute]:
    """Return where torch's other recurrent layers are constructed, or handed to what may do so."""
    others = plan.others()
    return [
        node
        for node in names.chains()
        if others & names.meaning(node).names
        and _role(names, node)[0] in (Role.CALL, Role.BASE, Role.VALUE)
    ]


def _use(names: Names, node: cst.Name | cst.Attribute, origin: Origin, meaning: Meaning) -> Use:
    wrapper = _wrapper(names, node)
    role, owner = _role(names, node if wrapper is None else wrapper)
    return Use(node, wrapper, origin, meaning, role, owner)


def _wrapper(names: Names, node: cst.CSTNode) -> cst.Call | None:
    """Return the call of with_attention whose first argument is `node`."""
    argument = names.parent(node)
    call = names.parent(argument) if isinstance(argument, cst.Arg) else None
    if not isinstance(call, cst.Call) or call.args[0] is not argument or argument.star:
        return None
    meaning = names.meaning(call.func)
    is_factory = meaning.certain and meaning.names == frozenset(spellings(WITH_ATTENTION))
    return call if is_factory else None


def _partial(names: Names, node: cst.CSTNode) -> cst.Call | None:
    """Return the call of functools.partial whose first argument is `node`."""
    argument = names.parent(node)
    call = names.parent(argument) if isinstance(argument, cst.Arg) else None
    if not isinstance(call, cst.Call) or call.args[0] is not argument or argument.star:
        return None
    return call if names.meaning(call.func).names == {"functools.partial"} else None


def _role(names: Names, node: cst.CSTNode) -> tuple[Role, cst.CSTNode | None]:
    parent = names.parent(node)
    if isinstance(parent, cst.Call) and parent.func is node:
        return Role.CALL, parent
    partial = _partial(names, node)
    if partial is not None:
        return Role.CALL, partial
    if isinstance(parent, cst.Attribute):
        return Role.ATTRIBUTE, parent
    if isinstance(parent, cst.MatchValue | cst.MatchClass):
        return Role.PATTERN, parent
    if isinstance(parent, cst.Arg):
        around = names.parent(parent)
        if isinstance(around, cst.ClassDef):
            return Role.BASE, around
    for ancestor in _within_expression(names, node):
        if isinstance(ancestor, cst.Annotation):
            return Role.ANNOTATION, None
        if isinstance(ancestor, cst.Comparison):
            return Role.TEST, None
        if isinstance(ancestor, cst.Call) and last_name(ancestor.func) in TYPE_TESTS:
            return Role.TEST, None
    return Role.VALUE, None


def _within_expression(names: Names, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the ancestors up to the statement, the suite or the lambda that holds `node`."""
    for ancestor in names.ancestors(node):
        if isinstance(ancestor, cst.BaseSmallStatement | cst.BaseStatement | cst.Lambda):
            return
        yield ancestor
