"""Code beside a rewritten use that relies on an LSTM's weights or its name. Imports libcst.

What is looked for was seen in published code: forget-gate slices, loops over all weights that
initialise each alike, sizes in units of hidden_size, dropped weights, checkpoints, class names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import libcst as cst

from rnnswap.patch.source import codes
from rnnswap.patch.source.names import Names
from rnnswap.patch.source.spelling import dotted, last_name, literal_text
from rnnswap.patch.source.weights import (
    PARAMETER,
    WEIGHT_SIZE,
    assigns_names,
    calls_in,
    has_multiple,
    is_inner,
    is_integer,
    is_looped,
    is_parameter,
    without_data,
)
from rnnswap.spec import Finding

_MAY_OCCUR = re.compile(
    r"load|/ ?4|chunk|weight|bias|_parameters|orthogonal|xavier|kaiming|\bjit\b"
    r"|__name__|__class__|_get_name|\btype\("
)
# A mention of a weight that is no keyword of a call.
_WEIGHT = re.compile(r"(?i)\b\w*(?:bias|weight)\w*\b(?!\s*=)|(?:bias|weight)\w* = ")
_DIVISIONS = (cst.FloorDivide, cst.Divide)
# load_state_dict of these takes no layer's weights.
_NOT_MODELS = ("optim", "sched", "scaler")
_MODEL_NAME = re.compile(r"(?i)model|net(?:work)?$|lstm|rnn|encoder|decoder")
# Initialisations whose outcome depends on the shape of a weight.
_BY_SHAPE = re.compile(r"(?:orthogonal|xavier_\w+?|kaiming_\w+?)_?")
_PARAMETER_LOOPS = ("named_parameters", "parameters", "all_weights", "_all_weights")
_REPLACING = re.compile(r"(?i).*(drop|norm|structured|parametri).*|(set|del)attr|register_\w+")
_CLASS_NAME = re.compile(
    r"__name__|_get_name\(\)|original_name|\b(?:str|repr)\((?:type\(|[\w.]+\.__class__\))"
    r"|(?i:\bclass_?name\b)"
)
_NAME_TESTS = ("find", "index", "count", "startswith", "endswith")
_SCRIPT = {"torch.jit.script", "torch.jit.script_method"}
_LONGEST = 90


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
    return _Hazards(names, former, now, was_lstm).found()


def find_name_tests(names: Names, former: str, now: str) -> list[Finding]:
    """Return the tests for the class by its name in a string, where the class is made elsewhere."""
    quoted = re.search(rf"""['"][^'"\n]*{former}['"]""", names.text)
    is_own = re.search(rf"^\s*class\s+\w*{former}\b", names.text, re.MULTILINE)
    if not quoted or is_own or "torch" not in names.text:
        return []
    found = find_hazards(names, former, now, was_lstm=False)
    return [finding for finding in found if finding.code == codes.CLASS_NAME]


class _Hazards:
    """Goes through the nodes of one module; each kind of node has its questions."""

    def __init__(self, names: Names, former: str, now: str, was_lstm: bool) -> None:
        self._found: list[Finding] = []
        self._names = names
        self._former = former
        self._now = now
        self._was_lstm = was_lstm
        self._sources: dict[cst.CSTNode, str] = {}
        self._questions: dict[type[cst.CSTNode], Callable[[Any], None]] = {
            cst.Assign: self._assign,
            cst.Attribute: self._attribute,
            cst.BinaryOperation: self._quarter,
            cst.Call: self._call,
            cst.Comparison: self._comparison,
            cst.Del: self._deletion,
            cst.For: self._loop,
            cst.Match: self._match,
            cst.SimpleStatementLine: self._line,
            cst.Subscript: self._slice,
        }

    def found(self) -> list[Finding]:
        """Return the findings, in the order of their places."""
        for node in self._names.nodes():
            question = self._questions.get(type(node))
            if question is not None:
                question(node)
        return self._found

    def _attribute(self, node: cst.Attribute) -> None:
        if node.attr.value in ("_all_weights", "all_weights", "_flat_weights"):
            message = f"{self._now}'s are of other shapes than {self._former}'s"
            self._report(node, codes.ALL_WEIGHTS, message)
        elif node.attr.value in ("shape", "size") and is_parameter(node.value):
            self._report(node, codes.WEIGHT_SHAPE, f"is another in {self._now}")

    def _quarter(self, node: cst.BinaryOperation) -> None:
        """Look for `n // 4` in a slice, or given a name, beside `n // 2`, where weights are."""
        if not isinstance(node.operator, _DIVISIONS) or not is_integer(node.right, "4"):
            return
        around = self._names.ancestors(node)
        if not any(isinstance(a, cst.Slice) or assigns_names(a) for a in around):
            return
        if WEIGHT_SIZE.search(self._names.code(node.left)):
            self._four_gates(node)
            return
        source = self._source(node)
        size = re.escape(self._names.code(node.left).strip())
        if re.search(rf"{size} ?//? ?2\b", source) and _WEIGHT.search(source):
            self._four_gates(node)

    def _slice(self, node: cst.Subscript) -> None:
        """Look for `bias[hidden:2 * hidden]`."""
        is_layers = self._is_weight(node.value)
        is_weight = is_layers or re.search(
            r"(?i)bias|weight|param", last_name(without_data(node.value))
        )
        # The bias of a layer of another kind is no gate's.
        if not is_weight or re.search(r"\.(bias|weight)$", dotted(without_data(node.value))):
            return
        for element in node.slice:
            if not isinstance(element.slice, cst.Slice):
                continue
            counted = is_layers and is_inner(element.slice)
            if counted or has_multiple(element.slice):
                self._four_gates(node)
                return

    def _line(self, node: cst.SimpleStatementLine) -> None:
        """Look for what gives a weight a size in units of hidden_size."""
        code = self._names.code(node)
        if not self._was_lstm or not PARAMETER.search(code) or "Parameter(" in code:
            return
        for statement in node.body:
            is_write = isinstance(statement, cst.Assign | cst.AnnAssign | cst.Expr)
            if is_write and has_multiple(statement, outside_slices=True):
                self._report(statement, codes.WEIGHT_SHAPE, f"does not fit {self._now}'s weights")

    def _deletion(self, node: cst.Del) -> None:
        code = self._names.code(node)
        if "_parameters[" in code or PARAMETER.search(code):
            self._report(node, codes.WEIGHT_DROP, f"takes a weight from {self._now}")

    def _loop(self, node: cst.For) -> None:
        """Look for an initialisation by shape of everything that has parameters."""
        looped = node.iter.func if isinstance(node.iter, cst.Call) else node.iter
        code = self._names.code(looped)
        if not any(code.endswith(f".{name}") for name in _PARAMETER_LOOPS):
            return
        for call in calls_in(node.body, _depends_on_shape):
            message = f"meets {self._now}'s weights too, of other shapes than {self._former}'s"
            self._report(call.func, codes.WEIGHT_INIT, message)

    def _match(self, node: cst.Match) -> None:
        if not self._is_class_name(node.subject):
            return
        for case in node.cases:
            patterns = [case.pattern]
            while patterns:
                pattern = patterns.pop()
                if isinstance(pattern, cst.MatchOr):
                    patterns += [element.pattern for element in pattern.patterns]
                elif isinstance(pattern, cst.MatchValue) and self._spells_class(pattern.value):
                    self._report(pattern, codes.CLASS_NAME, f"does not match {self._now}")

    def _comparison(self, node: cst.Comparison) -> None:
        sides = [node.left, *(target.comparator for target in node.comparisons)]
        spelled = [self._spells_class(side) for side in sides]
        others = [side for side, spells in zip(sides, spelled, strict=True) if not spells]
        if any(spelled) and any(self._is_class_name(side) for side in others):
            self._report(node, codes.CLASS_NAME, f"does not see {self._now}")

    def _assign(self, node: cst.Assign) -> None:
        call = node.value
        if isinstance(call, cst.Call) and "torch.load" in self._names.meaning(call.func).names:
            targets = [last_name(target.target) for target in node.targets]
            if any(_MODEL_NAME.search(t) and "state" not in t for t in targets):
                message = f"gives back {self._former} if it was saved with one"
                self._report(call, codes.CHECKPOINT, message)

    def _call(self, node: cst.Call) -> None:
        called = last_name(node.func)
        receiver = node.func.value if isinstance(node.func, cst.Attribute) else node
        if called in ("load_state_dict", "load_from_checkpoint"):
            owner = self._names.code(receiver).lower()
            if not any(word in owner for word in _NOT_MODELS):
                message = f"a checkpoint of {self._former} does not fit {self._now}"
                place = self._names.place(node)
                self._found.append(Finding(*place, codes.CHECKPOINT, message))
        elif self._splits_in_four(node, receiver):
            self._four_gates(node)
        elif called in _NAME_TESTS and any(self._spells_class(a.value) for a in node.args):
            if self._is_class_name(receiver):
                self._report(node, codes.CLASS_NAME, f"does not see {self._now}")
        elif _SCRIPT & self._names.meaning(node.func).names:
            self._report(node, codes.SCRIPTED, f"cannot compile {self._now}")
        else:
            self._replacing_call(node, called, receiver)

    def _replacing_call(self, node: cst.Call, called: str, receiver: cst.CSTNode) -> None:
        """Look for what takes a weight away or puts something else in its place."""
        if _REPLACING.fullmatch(called) and PARAMETER.search(self._literals(node)):
            self._report(node, codes.WEIGHT_DROP, f"meets {self._now}'s weight, of another shape")
        elif called == "pop" and last_name(receiver) == "_parameters":
            self._report(node, codes.WEIGHT_DROP, f"takes a weight from {self._now}")
        elif called == "delattr" and _WEIGHT.search(self._source(node)):
            self._report(node, codes.WEIGHT_DROP, f"may take a weight from {self._now}")

    def _spells_class(self, node: cst.BaseExpression) -> bool:
        if isinstance(node, cst.Tuple | cst.List | cst.Set):
            return any(self._spells_class(element.value) for element in node.elements)
        text = literal_text(node) or ""
        return text == self._former or text.endswith(f".{self._former}")

    def _is_class_name(self, node: cst.CSTNode) -> bool:
        """Return whether `node` is the name of a class, or was assigned one in its function."""
        code = self._names.code(node)
        if _CLASS_NAME.search(code):
            return True
        assigned = re.escape(code.strip())
        given = re.search(rf"^\s*{assigned} = (.*)", self._source(node), re.MULTILINE)
        return given is not None and _CLASS_NAME.search(given.group(1)) is not None

    def _literals(self, call: cst.Call) -> str:
        return " ".join(re.findall(r"""['"]([^'"]*)['"]""", self._names.code(call)))

    def _splits_in_four(self, call: cst.Call, receiver: cst.CSTNode) -> bool:
        called = last_name(call.func)
        if called not in ("chunk", "split", "view", "reshape") or not call.args:
            return False
        # torch.chunk(weight, 4) or weight.chunk(4)
        is_torchs = any(name.startswith("torch.") for name in self._names.meaning(call.func).names)
        weight = call.args[0].value if is_torchs else receiver
        if called == "split":
            return self._is_weight(weight)
        if not any(is_integer(a.value, "4") for a in call.args):
            return False
        spelled = (
            re.search("(?i)bias|weight", self._names.code(call)) if called == "chunk" else None
        )
        return spelled is not None or self._is_weight(weight)

    def _is_weight(self, node: cst.CSTNode) -> bool:
        """Return whether `node` is a layer's parameter, or a name that was given one."""
        node = without_data(node)
        if is_parameter(node) or not isinstance(node, cst.Name):
            return is_parameter(node)
        for around in self._names.ancestors(node):
            if isinstance(around, cst.For) and is_looped(
                node.value, around, self._names.code(around.iter)
            ):
                return True
        given = re.search(rf"^\s*{node.value} = ([\w.]+)$", self._source(node), re.MULTILINE)
        return given is not None and PARAMETER.search(given.group(1)) is not None

    def _source(self, node: cst.CSTNode) -> str:
        """Return the source, without comments, of the function around `node`, or of the module."""
        around = (a for a in self._names.ancestors(node) if isinstance(a, cst.FunctionDef))
        function = next(around, self._names.module)
        if function not in self._sources:
            is_module = function is self._names.module
            code = self._names.text if is_module else self._names.code(function)
            self._sources[function] = re.sub("#[^\n]*", "", code)
        return self._sources[function]

    def _four_gates(self, node: cst.CSTNode) -> None:
        if self._was_lstm:
            message = f"assumes {self._former}'s four gates; {self._now} has others"
            self._report(node, codes.GATE_SLICE, message)

    def _report(self, node: cst.CSTNode, code: str, message: str) -> None:
        spelled = " ".join(self._names.code(node).split())
        if len(spelled) > _LONGEST:
            spelled = f"{spelled[: _LONGEST - 4]} ..."
        self._found.append(Finding(*self._names.place(node), code, f"{spelled} {message}"))


def _depends_on_shape(call: cst.Call) -> bool:
    return _BY_SHAPE.fullmatch(last_name(call.func)) is not None
