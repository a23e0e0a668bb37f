"""Code beside a rewritten use that relies on an LSTM's weights or its name. Imports libcst.

What is looked for was seen in published code: forget-gate slices, loops over all weights that
initialise each alike, sizes in units of hidden_size, dropped weights, checkpoints, class names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import libcst as cst

from rnnswap.patch.source import codes
from rnnswap.patch.source.names import Names, last_name, literal_text
from rnnswap.spec import Finding

_MAY_OCCUR = re.compile(
    r"load|/ ?4|chunk|weight|bias|_parameters|__name__|_get_name|\bjit\b|orthogonal|xavier|kaiming"
)
# Names of a recurrent layer's parameters.
_PARAMETER = re.compile(r"\b(?:weight|bias)_(?:ih|hh|hr)\b|\b(?:weight|bias)_(?:ih|hh|hr)_l\d")
_DIVISIONS = (cst.FloorDivide, cst.Divide)
# load_state_dict of these takes no layer's weights.
_NOT_MODELS = ("optim", "sched", "scaler")
_MODEL_NAME = re.compile(r"(?i)model|net(?:work)?$|lstm|rnn|encoder|decoder")
# Initialisations whose outcome depends on the shape of a weight.
_BY_SHAPE = re.compile(r"(?:orthogonal|xavier_\w+?|kaiming_\w+?)_?")
_PARAMETER_LOOPS = ("named_parameters", "parameters", "all_weights", "_all_weights")
_REPLACING = re.compile(r"(?i).*(drop|norm|structured|parametri).*|(set|del)attr|register_\w+")
_CLASS_NAMES = ("__name__", "_get_name", "original_name", "classname", "class_name")
_NAME_TESTS = ("find", "index", "count", "startswith", "endswith", "__contains__")


def find_hazards(names: Names, former: str, now: str, was_lstm: bool) -> list[Finding]:
    """Return what deserves a look after `former` became `now` in this module.

    Args:
        names: The names of the module.
        former: The class as spelled before, for the messages.
        now: The cell's name.
        was_lstm: Whether what became another cell has an LSTM's four gates.
    """
    if not _MAY_OCCUR.search(names.text):
        return []
    visitor = _Hazards(names, former, now, was_lstm)
    names.module.visit(visitor)
    return visitor.found


def find_name_tests(names: Names, former: str, now: str) -> list[Finding]:
    """Return the tests for the class by its name in a string, where the class is made elsewhere."""
    quoted = re.search(rf"""['"][^'"\n]*{former}""", names.text)
    is_own = re.search(rf"^\s*class\s+\w*{former}", names.text, re.MULTILINE)
    if not quoted or is_own or "torch" not in names.text:
        return []
    found = find_hazards(names, former, now, was_lstm=False)
    return [finding for finding in found if finding.code == codes.CLASS_NAME]


@dataclass(slots=True)
class _Function:
    """What one function does with quarters and halves, and with the names of classes."""

    quarters: list[tuple[str, cst.BinaryOperation]] = field(default_factory=list)
    halves: set[str] = field(default_factory=set)
    handles_weights: bool = False
    name_tests: list[cst.CSTNode] = field(default_factory=list)
    asks_for_names: bool = False
    deletions: list[cst.CSTNode] = field(default_factory=list)


class _Hazards(cst.CSTVisitor):
    def __init__(self, names: Names, former: str, now: str, was_lstm: bool) -> None:
        super().__init__()
        self.found: list[Finding] = []
        self._names = names
        self._former = former
        self._now = now
        self._was_lstm = was_lstm
        self._functions = [_Function()]

    # What a function's parts mean shows when all of it was seen.

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:  # noqa: N802
        self._functions.append(_Function())

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:  # noqa: N802
        self._close(self._functions.pop())

    def leave_Module(self, original_node: cst.Module) -> None:  # noqa: N802
        self._close(self._functions.pop())

    def visit_Name(self, node: cst.Name) -> None:  # noqa: N802
        self._mention(node.value)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:  # noqa: N802
        self._mention(literal_text(node) or "")

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:  # noqa: N802
        if isinstance(node.operator, _DIVISIONS) and isinstance(node.right, cst.Integer):
            size = self._names.code(node.left).strip()
            if node.right.value == "4":
                self._functions[-1].quarters.append((size, node))
            elif node.right.value == "2":
                self._functions[-1].halves.add(size)

    def visit_Attribute(self, node: cst.Attribute) -> None:  # noqa: N802
        if node.attr.value in ("_all_weights", "all_weights"):
            message = f"{self._now}'s are of other shapes than {self._former}'s"
            self._report(node, codes.ALL_WEIGHTS, message)
        elif node.attr.value in ("shape", "size") and _is_parameter(node.value):
            self._report(node, codes.WEIGHT_SHAPE, f"is another in {self._now}")

    def visit_Subscript(self, node: cst.Subscript) -> None:  # noqa: N802
        if re.search("(?i)bias|weight|param", self._names.code(node.value)):
            for element in node.slice:
                if isinstance(element.slice, cst.Slice) and _has_multiple(element.slice):
                    self._four_gates(node)
                    return

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> None:  # noqa: N802
        code = self._names.code(node)
        if not self._was_lstm or not _PARAMETER.search(code):
            return
        for statement in node.body:
            is_write = isinstance(statement, cst.Assign | cst.AnnAssign | cst.Expr)
            if is_write and _has_multiple(statement, outside_slices=True):
                self._report(statement, codes.WEIGHT_SHAPE, f"does not fit {self._now}'s weights")

    def visit_Del(self, node: cst.Del) -> None:  # noqa: N802
        code = self._names.code(node)
        if "_parameters[" in code or _PARAMETER.search(code):
            self._report(node, codes.WEIGHT_DROP, f"takes a weight from {self._now}")

    def visit_For(self, node: cst.For) -> None:  # noqa: N802
        looped = node.iter.func if isinstance(node.iter, cst.Call) else node.iter
        code = self._names.code(looped)
        if any(code.endswith(f".{name}") for name in _PARAMETER_LOOPS):
            calls = _Calls(lambda call: _BY_SHAPE.fullmatch(last_name(call.func)) is not None)
            node.body.visit(calls)
            for call in calls.found:
                message = f"meets {self._now}'s weights too, of other shapes than {self._former}'s"
                self._report(call.func, codes.WEIGHT_INIT, message)

    def visit_Comparison(self, node: cst.Comparison) -> None:  # noqa: N802
        sides = [node.left, *(target.comparator for target in node.comparisons)]
        if any(self._spells_class(side) for side in sides):
            self._functions[-1].name_tests.append(node)

    def visit_Assign(self, node: cst.Assign) -> None:  # noqa: N802
        call = node.value
        if isinstance(call, cst.Call) and "torch.load" in self._names.meaning(call.func).names:
            targets = [last_name(target.target) for target in node.targets]
            if any(_MODEL_NAME.search(t) and "state" not in t for t in targets):
                message = f"gives back {self._former} if it was saved with one"
                self._report(call, codes.CHECKPOINT, message)

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        called = last_name(node.func)
        receiver = node.func.value if isinstance(node.func, cst.Attribute) else node
        if called in ("load_state_dict", "load_from_checkpoint"):
            owner = self._names.code(receiver).lower()
            if not any(word in owner for word in _NOT_MODELS):
                self._report_checkpoint(node)
        elif self._splits_in_four(node, receiver):
            self._four_gates(node)
        elif called in _NAME_TESTS and any(self._spells_class(a.value) for a in node.args):
            self._functions[-1].name_tests.append(node)
        elif _REPLACING.fullmatch(called) and _PARAMETER.search(self._literals(node)):
            self._report(node, codes.WEIGHT_DROP, f"meets {self._now}'s weight, of another shape")
        elif called == "delattr":
            self._functions[-1].deletions.append(node)
        elif called == "pop" and last_name(receiver) == "_parameters":
            self._report(node, codes.WEIGHT_DROP, f"takes a weight from {self._now}")
        elif {"torch.jit.script", "torch.jit.script_method"} & self._names.meaning(node.func).names:
            self._report(node, codes.SCRIPTED, f"cannot compile {self._now}")

    def _mention(self, text: str) -> None:
        function = self._functions[-1]
        lower = text.lower()
        if "bias" in lower or "weight" in lower:
            function.handles_weights = True
        if text in ("__name__", "_get_name", "original_name") or lower in (
            "classname",
            "class_name",
        ):
            function.asks_for_names = True

    def _spells_class(self, node: cst.BaseExpression) -> bool:
        if isinstance(node, cst.Tuple | cst.List | cst.Set):
            return any(self._spells_class(element.value) for element in node.elements)
        return self._former in (literal_text(node) or "")

    def _literals(self, call: cst.Call) -> str:
        return " ".join(re.findall(r"""['"]([^'"]*)['"]""", self._names.code(call)))

    def _splits_in_four(self, call: cst.Call, receiver: cst.CSTNode) -> bool:
        called = last_name(call.func)
        in_four = any(isinstance(a.value, cst.Integer) and a.value.value == "4" for a in call.args)
        if called == "chunk" and in_four:
            return re.search("(?i)bias|weight", self._names.code(call)) is not None
        return called in ("view", "reshape") and in_four and _is_parameter(receiver)

    def _close(self, function: _Function) -> None:
        if function.handles_weights:
            for size, node in function.quarters:
                if size in function.halves:
                    self._four_gates(node)
            for call in function.deletions:
                self._report(call, codes.WEIGHT_DROP, f"may take a weight from {self._now}")
        if function.asks_for_names:
            for test in function.name_tests:
                self._report(test, codes.CLASS_NAME, f"does not see {self._now}")

    def _four_gates(self, node: cst.CSTNode) -> None:
        if self._was_lstm:
            message = f"assumes {self._former}'s four gates; {self._now} has others"
            self._report(node, codes.GATE_SLICE, message)

    def _report_checkpoint(self, call: cst.Call) -> None:
        message = f"a checkpoint of {self._former} does not fit {self._now}"
        self.found.append(Finding(*self._names.place(call), codes.CHECKPOINT, message))

    def _report(self, node: cst.CSTNode, code: str, message: str) -> None:
        spelled = " ".join(self._names.code(node).split())
        self.found.append(Finding(*self._names.place(node), code, f"{spelled} {message}"))


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
        if isinstance(node.operator, cst.Multiply) and any(
            isinstance(f, cst.Integer) and f.value in ("2", "3", "4") for f in factors
        ):
            self.found = True


def _has_multiple(node: cst.CSTNode, *, outside_slices: bool = False) -> bool:
    visitor = _Multiples(outside_slices)
    node.visit(visitor)
    return visitor.found


def _is_parameter(node: cst.CSTNode) -> bool:
    """Return whether `node` is a recurrent layer's parameter, or its data."""
    if isinstance(node, cst.Attribute) and node.attr.value in ("data", "grad"):
        node = node.value
    return isinstance(node, cst.Attribute) and _PARAMETER.match(node.attr.value) is not None
