"""Writes a clipping policy into the training loops of one module. Uses ast, not libcst.

`norm` and `value` become torch's own functions immediately before each optimizer's step, which is
after the last backward and after GradScaler's unscale_, whatever the loop around it looks like.
`hook` becomes a loop that registers hooks, every other policy a call of rnnswap.clip.attach, both
after the optimizer's construction.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from rnnswap.patch.source import check, codes
from rnnswap.patch.source.clip.certain import has_gradient
from rnnswap.patch.source.clip.clipped import Clipped
from rnnswap.patch.source.clip.closures import Closure, find_closure
from rnnswap.patch.source.clip.insertions import INDENT, Inserted, Insertion, Text, check_inserted
from rnnswap.patch.source.clip.loops import Construction, Loops, Step, is_chain, is_plain_statement
from rnnswap.patch.source.clip.parameters import Parameters
from rnnswap.patch.source.clip.policy import Clipping, Kind
from rnnswap.patch.source.clip.reached import Reached
from rnnswap.patch.source.clip.runners import runner_of, runs_lightning
from rnnswap.patch.source.clip.scopes import Scopes, free_name
from rnnswap.patch.source.clip.unfollowed import unfollowed
from rnnswap.patch.source.clip.unseen import after_construction, before_step
from rnnswap.spec import Finding

_LIGHTNING = {
    Kind.NORM: "gradient_clip_val={}, gradient_clip_algorithm='norm'",
    Kind.VALUE: "gradient_clip_val={}, gradient_clip_algorithm='value'",
}


def insert_clipping(
    text: str, clipping: Clipping, path: str, *, edit: bool = True
) -> tuple[Inserted, list[Finding]]:
    """Return `text` with clipping put in, and what was put in or left.

    Args:
        text: A module's source.
        clipping: What is to be written.
        path: Where the text is from, for messages.
        edit: False to find alone: the same findings, and the text as it was.

    Raises:
        RewriteError: The text cannot be parsed, or the result would differ elsewhere.
    """
    tree = check.parse(text, path)
    lines = Text(text, path)
    work = _Clipper(tree, lines, clipping)
    work.run()
    if not work.insertions or not edit:
        return Inserted(text), sorted(work.findings)
    result = lines.with_insertions(work.insertions)
    check_inserted(tree, text, result, work.insertions, path)
    check.check_order(check.parse_result(result.text, path), work.reached.added(), path)
    return result, sorted(work.findings)


class _Left(NamedTuple):
    """Why nothing is put in: a code and the words after "kept:"."""

    code: str
    text: str


class _Clipper:
    def __init__(self, tree: ast.Module, lines: Text, clipping: Clipping) -> None:
        self.insertions: list[Insertion] = []
        self.findings: list[Finding] = []
        self._scopes = Scopes(tree)
        self._loops = Loops(self._scopes)
        self._parameters = Parameters(self._loops, lines.spelled)
        self._clipped = Clipped(self._loops, self._parameters)
        self.reached = Reached(self._scopes)
        self._lines = lines
        self._clipping = clipping

    def run(self) -> None:
        """Decide on every step, or every construction, and on what else belongs to them."""
        if self._clipping.at_step:
            for step in self._loops.steps:
                by_lightning = runs_lightning(self._loops, step)
                self._decide(step.call, *self._at_step(step), by_lightning=by_lightning)
        else:
            for made in self._loops.constructions:
                unseen = after_construction(self._loops, made)
                self._decide(made.statement, self._after_construction(made), unseen)
            for step in self._loops.steps:
                if not self._loops.constructions_of(step.optimizer):
                    self._decide(step.call, self._constructed_elsewhere(step))
            for call in self._loops.unnamed:
                reason = f"it is given no name, to which {self._clipping.text} could be attached"
                self._decide(call, _Left(codes.NOT_CLIPPED, reason))
        self._lightning()
        self._unfollowed()
        imports = self.reached.insertion()
        if self.insertions and imports is not None:
            self.insertions.insert(0, imports)

    def _decide(
        self,
        node: ast.expr | ast.stmt,
        outcome: Insertion | _Left,
        unseen: str = "",
        by_lightning: bool = False,
    ) -> None:
        spelled = self._lines.spelled(node)
        if isinstance(outcome, Insertion):
            # Two steps may share a closure.
            if outcome not in self.insertions:
                self.insertions.append(outcome)
            code, message = codes.CLIPPED, f"{_in_words(outcome, node)} {spelled}"
            if self._clipping.kind is Kind.HOOK and any(s.scaler for s in self._loops.steps):
                message += "; it bounds gradients still multiplied by the GradScaler's scale"
            elif by_lightning:
                message += "; with precision 16-mixed, Lightning unscales after that"
        else:
            code, message = outcome.code, f"{spelled} kept: {outcome.text}"
        place = (node.lineno, self._lines.column(node.lineno, node.col_offset) + 1)
        self.findings.append(Finding(*place, code, message))
        if unseen and isinstance(outcome, Insertion):
            message = f"{spelled} may be clipped twice: {unseen}"
            self.findings.append(Finding(*place, codes.CLIPPED_UNSEEN, message))

    def _at_step(self, step: Step) -> tuple[Insertion | _Left, str]:
        """Return what is to be put in, or why nothing, and what cannot be seen."""
        outcome = self._why_not(step)
        if outcome is not None:
            return outcome, ""
        closure = find_closure(self._loops, step)
        assert not isinstance(closure, str)
        at = step.call if closure is None else closure.function
        model = self._parameters.model(step.optimizer, at)
        there = self._clipped.by(at, step.optimizer, model)
        if there is not None:
            return _there_already(there), ""
        statement = self._scopes.statement(step.call)
        unseen = before_step(self._loops, step, at, model)
        return self._step_insertion(step, statement, closure, model), unseen

    def _why_not(self, step: Step) -> _Left | None:
        statement = self._scopes.statement(step.call)
        if not is_plain_statement(statement, step.call):
            return _Left(codes.NOT_CLIPPED, "it stands inside an expression")
        runner = runner_of(self._loops, step)
        if runner.reason:
            return _Left(codes.NOT_CLIPPED, runner.reason)
        if not is_chain(step.optimizer):
            return _Left(codes.NOT_CLIPPED, "the optimizer has no name")
        closure = find_closure(self._loops, step)
        return _Left(codes.NOT_CLIPPED, closure) if isinstance(closure, str) else None

    def _step_insertion(
        self, step: Step, statement: ast.stmt, closure: Closure | None, model: str | None
    ) -> Insertion | _Left:
        runner = runner_of(self._loops, step)
        optimizer = self._lines.spelled(step.optimizer)
        parameters = runner.parameters or self._parameters.source(step.optimizer, model)
        lines = runner.lines(self._clipping, parameters, model, optimizer)
        if isinstance(lines, str):
            return _Left(codes.NOT_CLIPPED, lines)
        if not lines:
            at = statement if closure is None else closure.after
            function = self.reached.function(self._clipping.kind.value, at)
            lines = [f"{function}({self._clipping.arguments(parameters)})"]
        # Of no gradients at all, torch's other function makes nothing.
        if self._clipping.kind is Kind.VALUE and not has_gradient(self._loops, step, closure):
            lines = _guarded(lines, self._parameters.any_gradient(parameters, step.optimizer))
        if step.scaler is not None:
            unscale = self._unscale(step, statement)
            if isinstance(unscale, _Left):
                return unscale
            lines = [*unscale, *lines]
        if closure is not None:
            return self._insertion(closure.after, False, lines)
        return self._insertion(statement, True, lines)

    def _insertion(self, anchor: ast.stmt, before: bool, lines: Sequence[str]) -> Insertion | _Left:
        is_compound = any(line.startswith(INDENT) for line in lines)
        if is_compound and not self._lines.is_alone(anchor, before=before):
            return _Left(codes.NOT_CLIPPED, "it shares its line with other statements")
        return Insertion(anchor, before, tuple(lines))

    def _unscale(self, step: Step, statement: ast.stmt) -> list[str] | _Left:
        """Return the line that unscales the gradients, none if that is done already."""
        assert step.scaler is not None
        function = self._scopes.function(step.call)
        optimizer = ast.unparse(step.optimizer)
        around = [statement, *self._scopes.ancestors(statement)]
        for call in self._loops.calls:
            is_it = ast.unparse(call.func) == f"{ast.unparse(step.scaler)}.unscale_"
            if not is_it or self._scopes.function(call) is not function:
                continue
            if not call.args or ast.unparse(call.args[0]) != optimizer:
                continue
            before = (call.lineno, call.col_offset) < (step.call.lineno, step.call.col_offset)
            if before and self._scopes.parent(self._scopes.statement(call)) in around:
                return []
            return _Left(
                codes.NOT_CLIPPED,
                f"unscale_ in line {call.lineno} is not called before every such step",
            )
        scaler = self._lines.spelled(step.scaler)
        return [f"{scaler}.unscale_({self._lines.spelled(step.optimizer)})"]

    def _after_construction(self, made: Construction) -> Insertion | _Left:
        model = self._parameters.given(made)
        there = self._clipped.anywhere(made.target, model)
        if there is not None:
            return _there_already(there)
        optimizer = self._lines.spelled(made.target)
        if self._clipping.kind is Kind.ATTACH:
            package = self.reached.module("rnnswap", made.statement)
            line = f'{package}.clip.attach("{self._clipping.text}", {optimizer})'
            return Insertion(made.statement, False, (line,))
        lines = self._hook_loop(self._parameters.source(made.target, model))
        return self._insertion(made.statement, False, lines)

    def _hook_loop(self, parameters: str) -> tuple[str, ...]:
        name = free_name("parameter", self._scopes.words)
        low, high = self._clipping.numbers
        return (
            f"for {name} in {parameters}:",
            f"{INDENT}if {name}.requires_grad:",
            f"{INDENT}{INDENT}{name}.register_hook(lambda gradient: gradient.clamp({low}, {high}))",
        )

    def _constructed_elsewhere(self, step: Step) -> _Left:
        there = self._clipped.by(step.call, step.optimizer, None)
        if there is not None:
            return _there_already(there)
        reason = f"its optimizer is made elsewhere, where {self._clipping.text} belongs"
        return _Left(codes.NOT_CLIPPED, reason)

    def _unfollowed(self) -> None:
        """Say so where steps are made out of sight, by a library above all."""
        for place in unfollowed(self._loops, self._clipping):
            there = self._clipped.anywhere(place.node, None)
            left = _Left(codes.NOT_CLIPPED, place.reason)
            self._decide(place.node, left if there is None else _there_already(there))

    def _lightning(self) -> None:
        """Say so where Lightning makes the steps."""
        if not self._clipping.at_step:
            return
        for node in ast.walk(self._scopes.tree):
            if not isinstance(node, ast.ClassDef):
                continue
            methods = {m.name: m for m in node.body if isinstance(m, ast.FunctionDef)}
            if not {"training_step", "configure_optimizers"} <= set(methods):
                continue
            if any(node in self._scopes.ancestors(step.call) for step in self._loops.steps):
                continue
            method = methods["configure_optimizers"]
            there = self._clipped.anywhere(ast.Name("optimizer"), None)
            advice = _LIGHTNING[self._clipping.kind].format(self._clipping.numbers[0])
            left = _Left(codes.NOT_CLIPPED, f"Lightning makes the steps; give its Trainer {advice}")
            outcome = left if there is None else _there_already(there)
            message = f"{node.name}.{method.name} kept: {outcome.text}"
            column = self._lines.column(method.lineno, method.col_offset) + 1
            self.findings.append(Finding(method.lineno, column, outcome.code, message))


def _guarded(lines: Sequence[str], condition: str) -> list[str]:
    """Return `lines` so that they run where a condition holds, beside one that they have."""
    if lines[0].startswith("if "):
        return [f"{lines[0].removesuffix(':')} and {condition}:", *lines[1:]]
    return [f"if {condition}:", *(f"{INDENT}{line}" for line in lines)]


def _in_words(insertion: Insertion, node: ast.expr | ast.stmt) -> str:
    """Say what was put in, and where that is seen from `node`."""
    what = ""
    for line in insertion.lines:
        what += f"; {line}" if what and not line.startswith(INDENT) else f" {line.strip()}"
    if insertion.before:
        where = "before"
    else:
        where = "after" if insertion.anchor is node else "in the closure of"
    return f"{what.strip()} inserted {where}"


def _there_already(call: ast.Call) -> _Left:
    return _Left(codes.CLIPPED_ALREADY, f"gradients are clipped in line {call.lineno} already")
