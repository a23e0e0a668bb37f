"""What a training loop consists of: optimizers, their construction, backward and step. Uses ast."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from rnnswap.patch.source.clip.scopes import Function, Scopes

# Names that are no optimizer's although they may step or hold the letters.
_NOT_OPTIMIZERS = re.compile(r"(?i)sched|scaler|(?:^|_)(?:warm\w*|ema|env|prof\w*)$")
_OPTIMIZER_NAME = re.compile(r"optim|(?:^|_)opts?(?:_|\d|$)|^opt[A-Z0-9]|[a-z]Opt(?:$|[A-Z_])")
_SCHEDULER_CLASS = re.compile(r"(?:LR|Schedulers?|Schedule|Warmup)$")
_OPTIMIZER_CLASS = re.compile(
    r"\w*(?:Adam|SGD|Optimi[sz]er|RMSprop|LBFGS|Adagrad|Adafactor|Lion|Lamb|LAMB|Prodigy)\w*"
)
_PLAIN = (ast.Expr, ast.Assign, ast.AnnAssign, ast.Return)


class Construction(NamedTuple):
    """A statement `target = Class(parameters, ...)` that makes an optimizer."""

    statement: ast.Assign | ast.AnnAssign
    target: ast.expr
    calls: tuple[ast.Call, ...]


class Step(NamedTuple):
    """One call that makes an optimizer step.

    Args:
        call: `optimizer.step(...)` or `scaler.step(optimizer)`.
        optimizer: The optimizer.
        scaler: The GradScaler, or None.
        argument: What the step is given: a closure, or None.
    """

    call: ast.Call
    optimizer: ast.expr
    scaler: ast.expr | None
    argument: ast.expr | None


class Loops:
    """The optimizers, backwards and steps of one module.

    Args:
        scopes: The names of the module.
    """

    def __init__(self, scopes: Scopes) -> None:
        self.scopes = scopes
        nodes = list(ast.walk(scopes.tree))
        #: Every call, in the order of their places.
        self.calls = sorted((n for n in nodes if isinstance(n, ast.Call)), key=place)
        self.backwards = [c for c in self.calls if is_backward(c)]
        self._zeroed = {_receiver(c) for c in self.calls if attribute(c) == "zero_grad"}
        self._schedulers: set[str] = set()
        #: The constructions of optimizers, in the order of their places.
        self.constructions: list[Construction] = []
        for node in nodes:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                self._note(node)
        self.constructions.sort(key=lambda made: place(made.statement))
        inside = {n for made in self.constructions for n in ast.walk(made.statement)}
        #: The calls of optimizers' classes whose result is given no name.
        self.unnamed = [c for c in self.calls if c not in inside and self._is_class(c)]
        self.steps = [step for call in self.calls if (step := self._step(call)) is not None]

    def constructions_of(self, optimizer: ast.expr) -> list[Construction]:
        """Return the constructions of what `optimizer` names where it stands."""
        text, owner = ast.unparse(optimizer), self.owner(optimizer, optimizer)
        return [
            made
            for made in self.constructions
            if ast.unparse(made.target) == text and self.owner(made.target, made.target) is owner
        ]

    def owner(self, expression: ast.expr, at: ast.AST) -> ast.AST | None:
        """Return the scope in which `expression` has the sense that it has at `at`.

        For attributes of a method's own object that is the class.
        """
        root = root_name(expression)
        if root is None:
            return None
        # What nothing binds comes from elsewhere and is the module's.
        owner = self.scopes.owner(root.id, at) or self.scopes.tree
        if root is expression or not isinstance(owner, Function) or not owner.args.args:
            return owner
        around = self.scopes.parent(owner)
        is_static = any("staticmethod" in ast.unparse(d) for d in owner.decorator_list)
        is_own = root.id == owner.args.args[0].arg and not is_static
        return around if is_own and isinstance(around, ast.ClassDef) else owner

    def is_optimizer(self, node: ast.expr) -> bool:
        """Return whether `node` is an optimizer by its name, its construction or its use."""
        if self._is_known(node):
            return True
        return isinstance(node, ast.Name) and self._is_one_of_several(node)

    def _is_known(self, node: ast.expr) -> bool:
        name = _last_name(node)
        text = ast.unparse(node)
        if not name or text in self._schedulers:
            return False
        if any(ast.unparse(made.target) == text for made in self.constructions):
            return True
        if _NOT_OPTIMIZERS.search(name):
            return False
        return text in self._zeroed or _OPTIMIZER_NAME.search(name) is not None

    def _is_one_of_several(self, node: ast.Name) -> bool:
        """Return whether a loop gives the name to each of several optimizers."""
        found = self.scopes.bindings(node.id, node)
        heads = [self.scopes.parent(binding) for binding in found]
        return bool(heads) and all(
            isinstance(head, ast.For | ast.comprehension)
            and head.target is binding
            and self._are_optimizers(head.iter)
            for head, binding in zip(heads, found, strict=True)
        )

    def _are_optimizers(self, several: ast.expr) -> bool:
        if isinstance(several, ast.Tuple | ast.List):
            return bool(several.elts) and all(self._is_known(one) for one in several.elts)
        if isinstance(several, ast.Call) and attribute(several) == "values":
            return self._are_optimizers(several.func.value)  # type: ignore[attr-defined]
        name = _last_name(several) if is_chain(several) else ""
        is_named = _OPTIMIZER_NAME.search(name) is not None
        return is_named and not _NOT_OPTIMIZERS.search(name)

    def _note(self, statement: ast.Assign | ast.AnnAssign) -> None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        value = statement.value
        choices = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
        calls = [choice for choice in choices if isinstance(choice, ast.Call)]
        if len(targets) != 1 or not calls or len(calls) < len(choices) or not is_chain(targets[0]):
            return
        target = targets[0]
        if all(self._is_scheduler_class(call) for call in calls):
            self._schedulers.add(ast.unparse(target))
        elif all(self._makes_optimizer(call, target) for call in calls):
            self.constructions.append(Construction(statement, target, tuple(calls)))

    def _is_scheduler_class(self, call: ast.Call) -> bool:
        dotted = self.scopes.imported(call.func)
        is_torchs = dotted.startswith("torch.optim.lr_scheduler.")
        return is_torchs or _SCHEDULER_CLASS.search(_last_name(call.func)) is not None

    def _makes_optimizer(self, call: ast.Call, target: ast.expr) -> bool:
        name = _last_name(target)
        by_name = bool(_OPTIMIZER_NAME.search(name)) and not _NOT_OPTIMIZERS.search(name)
        return self._is_class(call) or (by_name and takes_parameters(call))

    def _is_class(self, call: ast.Call) -> bool:
        """Return whether `call` is one of an optimizer's class."""
        dotted = self.scopes.imported(call.func)
        if dotted.startswith("torch.optim."):
            is_other = dotted.startswith(("torch.optim.lr_scheduler.", "torch.optim.swa_utils."))
            return not is_other and dotted.rpartition(".")[2][:1].isupper()
        by_class = _OPTIMIZER_CLASS.fullmatch(_last_name(call.func)) is not None
        return by_class and takes_parameters(call)

    def _step(self, call: ast.Call) -> Step | None:
        if attribute(call) != "step" or not isinstance(call.func, ast.Attribute):
            return None
        receiver = call.func.value
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if given and "scale" in _last_name(receiver).lower() and self.is_optimizer(given[0]):
            return Step(call, given[0], receiver, given[1] if len(given) > 1 else None)
        runs_backward = any(_receiver(back) == ast.unparse(receiver) for back in self.backwards)
        if not self.is_optimizer(receiver) and not (runs_backward and not given):
            return None
        return Step(call, receiver, None, given[0] if given else None)


def is_backward(call: ast.Call) -> bool:
    """Return whether `call` runs the backward pass: `loss.backward()` and its relatives."""
    return attribute(call) in ("backward", "manual_backward")


def attribute(call: ast.Call) -> str:
    """Return `step` of `x.step(...)`, nothing for a plain name."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def called(call: ast.Call) -> str:
    """Return the last name of a callee: `d` of `a().b.d(...)`."""
    return _last_name(call.func)


def is_chain(node: ast.expr) -> bool:
    """Return whether evaluating `node` again gives the same: names, attributes, plain keys."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant | ast.Name) and is_chain(node.value)
    if isinstance(node, ast.Attribute):
        return is_chain(node.value)
    return isinstance(node, ast.Name)


def root_name(node: ast.expr) -> ast.Name | None:
    """Return the name with which a chain of attributes and subscripts starts."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def takes_parameters(call: ast.Call) -> bool:
    """Return whether some argument of `call` asks a module for its parameters."""
    inside = (n for n in ast.walk(call) if isinstance(n, ast.Call) and n is not call)
    return any(attribute(inner) in ("parameters", "named_parameters") for inner in inside)


def is_plain_statement(statement: ast.stmt, call: ast.Call) -> bool:
    """Return whether `statement` is no more than `call`, or hands its result on."""
    return isinstance(statement, _PLAIN) and statement.value is call


def _receiver(call: ast.Call) -> str:
    return ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _last_name(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def place(node: ast.expr | ast.stmt) -> tuple[int, int]:
    """Return line and column, by which nodes can be brought in the order of the text."""
    return node.lineno, node.col_offset
