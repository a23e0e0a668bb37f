"""Code beside a rewritten use that relies on an LSTM's weights. Imports libcst."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from rnnswap.patch.source import codes
from rnnswap.patch.source.names import Names, last_name, literal_text
from rnnswap.spec import Finding

_DIVISIONS = (cst.FloorDivide, cst.Divide)
# load_state_dict of these takes no layer's weights.
_NOT_MODELS = ("optim", "sched", "scaler")


def find_hazards(names: Names, former: str, now: str, was_lstm: bool) -> list[Finding]:
    """Return what deserves a look after `former` became `now` in this module.

    Args:
        names: The names of the module.
        former: The class as spelled before, for the messages.
        now: The cell's name.
        was_lstm: Whether what became another cell has an LSTM's four gates.
    """
    if not any(word in names.text for word in ("load_state_dict", "/ 4", "/4", "chunk")):
        return []
    visitor = _Hazards(names.module)
    names.module.visit(visitor)
    found = []
    for node in visitor.slices if was_lstm else ():
        message = f"{_short(names, node)} assumes {former}'s four gates; {now} has others"
        found.append(Finding(*names.place(node), codes.GATE_SLICE, message))
    for call in visitor.loads:
        message = f"a checkpoint of {former} does not fit {now}"
        found.append(Finding(*names.place(call), codes.CHECKPOINT, message))
    return found


def _short(names: Names, node: cst.CSTNode) -> str:
    return " ".join(names.code(node).split())


@dataclass(slots=True)
class _Function:
    """What one function does with quarters and halves."""

    quarters: list[tuple[str, cst.BinaryOperation]] = field(default_factory=list)
    halves: set[str] = field(default_factory=set)
    handles_weights: bool = False


class _Hazards(cst.CSTVisitor):
    def __init__(self, module: cst.Module) -> None:
        super().__init__()
        self.slices: list[cst.CSTNode] = []
        self.loads: list[cst.Call] = []
        self._module = module
        self._functions = [_Function()]

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:  # noqa: N802
        self._functions.append(_Function())

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:  # noqa: N802
        self._close(self._functions.pop())

    def leave_Module(self, original_node: cst.Module) -> None:  # noqa: N802
        self._close(self._functions.pop())

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:  # noqa: N802
        if isinstance(node.operator, _DIVISIONS) and isinstance(node.right, cst.Integer):
            size = self._module.code_for_node(node.left).strip()
            if node.right.value == "4":
                self._functions[-1].quarters.append((size, node))
            elif node.right.value == "2":
                self._functions[-1].halves.add(size)

    def visit_Name(self, node: cst.Name) -> None:  # noqa: N802
        self._mention(node.value)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:  # noqa: N802
        self._mention(literal_text(node) or "")

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        called = last_name(node.func)
        receiver = node.func.value if isinstance(node.func, cst.Attribute) else node
        if called == "load_state_dict":
            owner = self._module.code_for_node(receiver).lower()
            if not any(word in owner for word in _NOT_MODELS):
                self.loads.append(node)
        elif called == "chunk" and self._is_weight(node) and self._splits_in_four(node):
            self.slices.append(node)

    def _mention(self, text: str) -> None:
        if "bias" in text.lower() or "weight" in text.lower():
            self._functions[-1].handles_weights = True

    def _is_weight(self, call: cst.Call) -> bool:
        text = self._module.code_for_node(call).lower()
        return "bias" in text or "weight" in text

    @staticmethod
    def _splits_in_four(call: cst.Call) -> bool:
        return any(isinstance(a.value, cst.Integer) and a.value.value == "4" for a in call.args)

    def _close(self, function: _Function) -> None:
        if function.handles_weights:
            self.slices += [node for size, node in function.quarters if size in function.halves]
