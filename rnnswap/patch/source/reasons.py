"""Why a use of the class must be left as it is. Imports libcst."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import libcst as cst

from rnnswap.patch.source import codes, taken
from rnnswap.patch.source.arguments import change_keywords
from rnnswap.patch.source.find import Role, Use
from rnnswap.patch.source.names import Names
from rnnswap.patch.source.plan import LSTM, Plan
from rnnswap.patch.source.spelling import dotted, last_name, literal_text, root_of
from rnnswap.patch.source.stars import find_stars, last_foreign
from rnnswap.spec import LSTM_ARGUMENTS

# What every class has; anything else on the class is an LSTM's own.
_ANY_CLASS = frozenset(
    {"__init__", "__name__", "__qualname__", "__module__", "__doc__", "__class__"}
)
_LAYER_INTERNALS = ("_flat_weights", "_flat_weights_names")
_REGISTERS = ("register_buffer", "register_parameter", "register_module", "add_module")
# Methods that only the real LSTM's call runs through.
_OF_THE_CALL = frozenset(
    {
        "forward",
        "check_forward_args",
        "check_hidden_size",
        "check_input",
        "get_expected_cell_size",
        "get_expected_hidden_size",
        "permute_hidden",
    }
)


class Reason(NamedTuple):
    """Why a use is left: a code and the words after "kept:"."""

    code: str
    text: str


class Judge:
    """Decides use by use; a subclass that is left takes the tests inside it along.

    Args:
        names: The names of the module.
        plan: What is to be replaced by what.
        uses: All uses found in the module.
    """

    def __init__(self, names: Names, plan: Plan, uses: list[Use]) -> None:
        self._names = names
        self._plan = plan
        self._reassigned = any(not names.is_read(use.node) for use in uses)
        self._changed = any(self._changes_class(use) for use in uses)
        self._quantizes = "quantize_dynamic" in names.text
        self._star = last_foreign(find_stars(names))
        self._own_attributes = [use for use in uses if _reads_own_attribute(use)]
        self._left_classes: set[cst.CSTNode | None] = set()
        for use in uses:
            is_base = use.role is Role.BASE and isinstance(use.owner, cst.ClassDef)
            if is_base and self.reason(use) is not None:
                self._left_classes.add(use.owner)

    def reason(self, use: Use) -> Reason | None:
        """Return why `use` must be left, None if it can be rewritten."""
        for question in (self._name, self._place, self._inside_left, self._role):
            reason = question(use)
            if reason is not None:
                return reason
        return None

    def surplus(self, call: cst.Call, use: Use) -> list[str]:
        """Return the keyword arguments of `call` that only the former cell takes."""
        foreign = set(use.origin.spec.options) - set(self._plan.cell.options)
        if use.role is not Role.CALL:
            return []
        given = use.arguments(call)
        return [a.keyword.value for a in given if a.keyword and a.keyword.value in foreign]

    def _name(self, use: Use) -> Reason | None:
        if not use.meaning.certain:
            return Reason(codes.AMBIGUOUS, "the name is bound in more than one way")
        root = root_of(use.node)
        assert root is not None
        if self._names.is_respelled(root.value):
            return Reason(codes.AMBIGUOUS, "the name also occurs in other characters")
        if any(self._is_shared(binding, use, root.value) for binding in use.meaning.bindings):
            return Reason(codes.AMBIGUOUS, "a function imports it for others")
        if self._star is not None and root.value == use.origin.class_name:
            line = self._names.place(use.meaning.bindings[-1])[0]
            if line < self._star.line:
                text = f"from {self._star.module} import * further down may bind the name anew"
                return Reason(codes.AMBIGUOUS, text)
        if self._plan.target_for(use.origin) is None:
            if self._plan.attention is not None:
                return Reason(codes.NO_COUNTERPART, "attention needs a layer, not a single step")
            return Reason(codes.NO_COUNTERPART, f"{self._plan.cell.name} has no one-step class")
        return None

    def _is_shared(self, binding: cst.CSTNode, use: Use, root: str) -> bool:
        """Return whether a function binds the name outside itself, by `global` or `nonlocal`."""
        names = self._names
        inside = any(isinstance(a, cst.FunctionDef) for a in names.ancestors(binding))
        return inside and (names.is_declared(root) or not names.is_visible(binding, use.node))

    def _place(self, use: Use) -> Reason | None:
        names = self._names
        if not names.is_read(use.node):
            return Reason(codes.CLASS_ATTRIBUTE, "the class itself is assigned to or deleted")
        if self._reassigned:
            return Reason(codes.AMBIGUOUS, "this file assigns something else to the class's name")
        if self._changed and not self._changes_class(use):
            return Reason(codes.CLASS_ATTRIBUTE, "this file changes the class itself")
        for ancestor in names.ancestors(use.node):
            if isinstance(ancestor, cst.FormattedString):
                return Reason(codes.IN_STRING, "it stands in an f-string")
            if isinstance(ancestor, cst.Call) and self._tells_what_to_quantize(ancestor, use):
                return Reason(codes.QUANTIZATION, "it tells quantize_dynamic what to quantize")
            if isinstance(ancestor, cst.Set) and self._quantizes:
                return Reason(codes.QUANTIZATION, "it stands in a set, as for quantize_dynamic")
            if self._is_configured(ancestor):
                return Reason(codes.QUANTIZATION, "it says what to quantize, and how")
        if "#" in names.code(use.whole):
            return Reason(codes.SPELLING, "a comment stands inside it")
        return None

    def _tells_what_to_quantize(self, call: cst.Call, use: Use) -> bool:
        """Return whether the use stands in a call of quantize_dynamic, after the model."""
        if last_name(call.func) != "quantize_dynamic":
            return False
        around = {use.node, *self._names.ancestors(use.node)}
        others = [a for a in call.args[1:] if a.keyword is None or a.keyword.value != "model"]
        return any(argument in around for argument in others)

    def _is_configured(self, node: cst.CSTNode) -> bool:
        """Return whether `node` pairs what it holds with a qconfig."""
        if isinstance(node, cst.Call):
            return last_name(node.func) in ("set_object_type", "set_module_name_object_type_order")
        pairs = isinstance(node, cst.DictElement | cst.Tuple)
        return pairs and "qconfig" in self._names.code(node).lower()

    def _changes_class(self, use: Use) -> bool:
        """Return whether an attribute of the class is set or deleted, or a call changes it."""
        if isinstance(use.owner, cst.Attribute):
            return not self._names.is_read(use.owner)
        return _is_changed_by_call(self._names, use.node)

    def _inside_left(self, use: Use) -> Reason | None:
        if use.role in (Role.CALL, Role.BASE):
            return None
        for ancestor in self._names.ancestors(use.node):
            if isinstance(ancestor, cst.ClassDef) and ancestor in self._left_classes:
                subclass = ancestor.name.value
                return Reason(codes.SUBCLASS, f"it belongs to {subclass}, whose base is kept")
        return None

    def _role(self, use: Use) -> Reason | None:
        owner = use.owner
        if use.role is Role.CALL and isinstance(owner, cst.Call):
            return self._arguments(owner, use)
        if use.role is Role.BASE and isinstance(owner, cst.ClassDef):
            return self._base(owner, use)
        if use.role is Role.PATTERN:
            wraps = self._plan.attention is not None
            if isinstance(owner, cst.MatchValue) or wraps:
                return Reason(codes.SPELLING, "a pattern cannot spell it")
        if _is_changed_by_call(self._names, use.node):
            return Reason(codes.CLASS_ATTRIBUTE, "the class itself is changed by this call")
        if isinstance(owner, cst.Attribute):
            attribute = owner.attr.value
            if attribute not in _ANY_CLASS or not self._names.is_read(owner):
                return Reason(codes.CLASS_ATTRIBUTE, f"{attribute} of the class itself is used")
        return None

    def _arguments(self, call: cst.Call, use: Use) -> Reason | None:
        for name in _given(use.arguments(call), use.origin.layer):
            if name in self._plan.cell.unsupported:
                return Reason(codes.ARGUMENT, f"{self._plan.cell.name} has no {name}")
        drop = {*self.surplus(call, use), *self._plan.options}
        if change_keywords(call, drop, {}) is None:
            return Reason(codes.SPELLING, "a comment stands beside an argument to be dropped")
        return None

    def _base(self, definition: cst.ClassDef, use: Use) -> Reason | None:
        subclass = definition.name.value
        if len(definition.bases) > 1:
            return Reason(codes.MIXIN, f"{subclass} has other base classes beside it")
        facts = _ClassFacts(self._plan.cell.name != LSTM)
        definition.body.visit(facts)
        if facts.reason:
            return Reason(codes.SUBCLASS, f"{subclass} {facts.reason}")
        for other in self._own_attributes:
            if other.origin == use.origin and definition in self._names.ancestors(other.node):
                attribute = last_name(other.owner) if other.owner is not None else ""
                return Reason(codes.SUBCLASS, f"{subclass} uses {attribute} of the class itself")
        foreign = set(use.origin.spec.options) - set(self._plan.cell.options)
        for call in facts.inits:
            for name in _given(call.args, use.origin.layer):
                if name in self._plan.cell.unsupported or name in foreign:
                    return Reason(codes.ARGUMENT, f"{self._plan.cell.name} has no {name}")
        if facts.clash:
            return Reason(codes.SUBCLASS, f"{subclass} {facts.clash}")
        return None


def may_unpack(call: cst.Call) -> bool:
    """Return whether `call` passes arguments that cannot be seen: `*args` or `**kwargs`."""
    return any(argument.star for argument in call.args)


def _reads_own_attribute(use: Use) -> bool:
    """Return whether this reads what only an LSTM's class has, as in `nn.LSTM.forward(self, x)`."""
    return isinstance(use.owner, cst.Attribute) and last_name(use.owner) not in _ANY_CLASS


def _is_changed_by_call(names: Names, node: cst.CSTNode) -> bool:
    """Return whether `node` is the first argument of setattr, delattr or mock.patch.object."""
    argument = names.parent(node)
    call = names.parent(argument) if isinstance(argument, cst.Arg) else None
    if not isinstance(call, cst.Call) or call.args[0] is not argument:
        return False
    function = dotted(call.func)
    return last_name(call.func) in ("setattr", "delattr") or function.endswith("patch.object")


def _given(arguments: Sequence[cst.Arg], layer: bool) -> list[str]:
    """Return the names of what a call passes as `arguments`, as far as they can be seen."""
    given = [a.keyword.value for a in arguments if a.keyword is not None]
    positional = 0
    for argument in arguments:
        if argument.star or argument.keyword is not None:
            break
        positional += 1
    return given + list(LSTM_ARGUMENTS[:positional] if layer else ())


class _ClassFacts(cst.CSTVisitor):
    """What a class body does that only a subclass of the real LSTM may do.

    Args:
        taken: Whether the new base has names of its own that the class must not have.
    """

    def __init__(self, taken: bool) -> None:
        super().__init__()
        self.reason = ""
        self.clash = ""
        self.inits: list[cst.Call] = []
        self._taken = taken
        self._depth = 0

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:  # noqa: N802
        if self._depth == 0:
            self._sets(node.name.value)
        self._depth += 1

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:  # noqa: N802
        self._depth -= 1

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:  # noqa: N802
        self._assigns(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:  # noqa: N802
        if node.value is not None:
            self._assigns(node.target)

    def visit_Name(self, node: cst.Name) -> None:  # noqa: N802
        if node.value in _LAYER_INTERNALS:
            self.reason = f"touches {node.value}"

    def visit_SimpleString(self, node: cst.SimpleString) -> None:  # noqa: N802
        if literal_text(node) in _LAYER_INTERNALS:
            self.reason = f"touches {literal_text(node)}"

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        function = last_name(node.func)
        if function == "__init__":
            self.inits.append(node)
        if function == "setattr" and len(node.args) > 1:
            self._sets(literal_text(node.args[1].value) or "")
        if function in _REGISTERS and node.args:
            self._sets(literal_text(node.args[0].value) or "")

    def _assigns(self, target: cst.BaseExpression) -> None:
        if isinstance(target, cst.Tuple | cst.List):
            for element in target.elements:
                self._assigns(element.value)
        # A local variable of a method is nothing of the class.
        elif self._depth == 0 or isinstance(target, cst.Attribute):
            self._sets(last_name(target))

    def _sets(self, name: str) -> None:
        if name in _OF_THE_CALL:
            self.reason = f"overrides {name}"
        elif self._taken and (
            name in taken.EVERYWHERE or (self._depth == 0 and name in taken.ON_THE_CLASS)
        ):
            self.clash = f"has a {name} of its own, which the cell uses for something else"
