"""Finds, judges and edits one parsed module. Imports libcst; nothing else imports this early."""

from __future__ import annotations

from itertools import takewhile

import libcst as cst

from rnnswap.errors import RewriteError
from rnnswap.patch.source import codes
from rnnswap.patch.source.check import place_of
from rnnswap.patch.source.edit import Edit, apply
from rnnswap.patch.source.find import Role, Use, find_others, find_uses
from rnnswap.patch.source.hazards import find_hazards, find_name_tests
from rnnswap.patch.source.imports import (
    Import,
    ImportChanges,
    find_removals,
    free_name,
    keep_commented,
    usable_import,
    usable_module,
)
from rnnswap.patch.source.lookups import find_lookups
from rnnswap.patch.source.metadata import Layout
from rnnswap.patch.source.mixed import Rewriting, is_mixed, joined, pair
from rnnswap.patch.source.names import Names
from rnnswap.patch.source.placing import place, top_level_index
from rnnswap.patch.source.plan import LSTM, WITH_ATTENTION, Plan
from rnnswap.patch.source.reasons import Judge, may_unpack
from rnnswap.patch.source.result import Keywords, Result
from rnnswap.patch.source.spelling import bound_name, dotted
from rnnswap.patch.source.state_only import find_state_only
from rnnswap.spec import Finding

_CODE_OF = {Role.CALL: codes.CALL, Role.BASE: codes.BASE}


def transform(text: str, plan: Plan, path: str, *, edit: bool = True) -> Result:
    """Return `text` with the uses that `plan` replaces rewritten.

    Args:
        text: A module's source.
        plan: What is to be replaced by what.
        path: Where the text is from, for messages.
        edit: False to find alone: the same findings, and the text as it was.

    Raises:
        RewriteError: libcst cannot read the text, or cannot reproduce it to the byte.
    """
    module = _parse(text, path)
    layout = Layout(module)
    if layout.code != text:
        reason = "a line ending or control character here cannot be reproduced; left as it is"
        pairs = zip(text, layout.code, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        place = place_of(text, same)
        raise RewriteError(reason, path, *place, code=codes.NOT_EQUIVALENT)
    names = Names(module, layout, plan.modules())
    return _Transformation(names, plan).run(edit)


def _parse(text: str, path: str) -> cst.Module:
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        reason = f"cannot be parsed: {error.message}"
        raise RewriteError(
            reason, path, error.raw_line, error.raw_column + 1, code=codes.UNPARSABLE
        ) from error


class _Transformation:
    """The steps from names to a new text, for one module."""

    def __init__(self, names: Names, plan: Plan) -> None:
        self._names = names
        self._plan = plan
        self._result = Result(names.text)
        self._edits: list[Edit] = []
        self._edited: list[Use] = []
        self._left: list[Use] = []
        self._lookups: list[Finding] = []
        self._mixed = False
        self._kept: set[cst.CSTNode] = set()
        self._local: dict[str, str] = {}
        self._reused: set[str] = set()

    def run(self, edit: bool) -> Result:
        """Find and judge the uses, then edit the tree if there is anything to edit."""
        uses = [use for use in find_uses(self._names, self._plan) if not self._is_done(use)]
        uses = [use for use in uses if self._plan.unwraps or self._pair(use) is None]
        judge = Judge(self._names, self._plan, uses)
        self._lookups = find_lookups(self._names, self._plan)
        chosen = []
        for use in uses:
            reason = judge.reason(use)
            if reason is None and _code_of(use) in self._plan.leave:
                self._left.append(use)
            elif reason is None:
                chosen.append(use)
            else:
                self._leave(use, reason.code, reason.text)
        if self._lookups and all(use.role is Role.TEST for use in chosen):
            # Nothing becomes the new class, so the tests are about what getattr finds.
            for use in chosen:
                self._leave(use, codes.LOOKUP, "what it tests is looked up with getattr")
            chosen = []
        self._mixed = is_mixed(self._left, self._lookups)
        if self._mixed:
            chosen = [use for use in chosen if self._pair(use) is None]
        if chosen:
            self._name_imports(chosen)
            for use in chosen:
                self._edit(use, judge)
        changes = self._import_changes()
        self._result.findings += self._lookups
        for node in find_others(self._names, self._plan):
            message = f"{dotted(node)} kept: {LSTM.upper()} alone is replaced"
            self._report(node, codes.OTHER_LAYER, message)
        if self._edits:
            if edit:
                self._apply(changes)
            self._look_at_tests()
        self._look_around()
        self._result.findings = sorted(set(self._result.findings))
        return self._result

    def _is_done(self, use: Use) -> bool:
        """Return whether the use is already what the plan would write."""
        same = use.origin.target == self._plan.target_for(use.origin)
        return same and use.mechanism == self._plan.attention

    def _pair(self, use: Use) -> Rewriting | None:
        """Return the test for both the class of `use` and what replaces it, if it stands in one."""
        target = self._plan.target_for(use.origin)
        if use.role is not Role.TEST or target is None:
            return None
        return pair(self._names, use, target)

    def _leave(self, use: Use, code: str, why: str) -> None:
        self._left.append(use)
        self._report(use.node, code, f"{_spelled(self._names, use.node)} kept: {why}")

    def _report(self, node: cst.CSTNode, code: str, message: str) -> None:
        self._result.findings.append(Finding(*self._names.place(node), code, message))

    def _name_imports(self, uses: list[Use]) -> None:
        """Settle under which local name each class that will be written is reached."""
        first = min(top_level_index(self._names, use.node) for use in uses)
        nodes = [use.node for use in uses]
        targets = {self._plan.target_for(use.origin) for use in uses}
        if any(self._wraps(use) for use in uses):
            targets.add(WITH_ATTENTION)
        for target in sorted(t for t in targets if t is not None):
            present = usable_import(self._names, target, first, nodes)
            present = present or usable_module(self._names, target, first, nodes)
            if present is not None:
                self._reused.add(present)
            self._local[target] = present or free_name(self._names, target, nodes)

    def _wraps(self, use: Use) -> bool:
        """Return whether the use gets a new call of with_attention around it."""
        return self._plan.attention is not None and use.mechanism != self._plan.attention

    def _edit(self, use: Use, judge: Judge) -> None:
        node, text = self._replacement(use)
        if any(edit.node is node for edit in self._edits):
            # Two uses in one comparison, which tests for the new class already.
            self._edited.append(use)
            return
        call, keywords = self._keywords(use, judge)
        self._edits.append(Edit(node, text, call, keywords.drop, keywords.add))
        self._edited.append(use)
        self._result.expressions[self._names.span(node)] = text
        if call is not None:
            self._result.keywords[self._names.span(call.func)] = keywords
        spelled = _spelled(self._names, node)
        message = f"{spelled} -> {' '.join(text.split())}"
        self._report(node, _code_of(use), message)
        self._report_options(use, node, judge)

    def _replacement(self, use: Use) -> tuple[cst.BaseExpression, str]:
        """Return the expression to replace and the source of what replaces it."""
        target = self._plan.target_for(use.origin)
        assert target is not None
        name = self._local[target]
        if self._wraps(use):
            name = f'{self._local[WITH_ATTENTION]}({name}, "{self._plan.attention}")'
        if self._mixed and use.role is Role.TEST:
            both = joined(self._names, use, name)
            if both is not None and both.text is not None:
                self._kept |= {use.node, use.whole, both.node}
                return both.node, both.text
        both_now = self._pair(use)
        if both_now is not None:
            return both_now.node, both_now.text or name
        return (use.whole if self._wraps(use) or self._plan.unwraps else use.node), name

    def _keywords(self, use: Use, judge: Judge) -> tuple[cst.Call | None, Keywords]:
        """Return the call whose keywords change, None if none does, and how."""
        call = use.owner
        if use.role is not Role.CALL or not isinstance(call, cst.Call):
            return None, Keywords()
        add = {name: repr(value) for name, value in self._plan.options.items()}
        drop = frozenset(judge.surplus(call, use)) | frozenset(add)
        present = {a.keyword.value for a in use.arguments(call) if a.keyword is not None}
        if not add and not drop & present:
            return None, Keywords()
        return call, Keywords(drop, add)

    def _report_options(self, use: Use, node: cst.CSTNode, judge: Judge) -> None:
        cell = self._plan.cell
        written = ", ".join(f"{name}={value!r}" for name, value in self._plan.options.items())
        if written and use.role in (Role.BASE, Role.VALUE):
            message = f"{written} not written: nothing is constructed here"
            self._report(node, codes.OPTION_UNWRITTEN, message)
        if use.role is not Role.CALL or not isinstance(use.owner, cst.Call):
            return
        if cell.unsupported and may_unpack(use.owner):
            lacking = ", ".join(sorted(cell.unsupported))
            message = f"unpacked arguments may hold {lacking}, which {cell.name} does not take"
            self._report(node, codes.UNPACKED, message)
        dropped = ", ".join(judge.surplus(use.owner, use))
        if dropped:
            message = f"{dropped} dropped: {cell.name} does not take it"
            self._report(node, codes.OPTION_DROPPED, message)

    def _import_changes(self) -> ImportChanges:
        """Decide on the imports; report a name that stays because others may need it."""
        replaced: set[cst.CSTNode] = {edit.node for edit in self._edits}
        targets = {origin.target for origin in self._plan.origins().values()} | {WITH_ATTENTION}
        gone = replaced - self._kept
        removals, exported = find_removals(self._names, targets, gone, self._reused)
        for alias in exported:
            message = f"{bound_name(alias)} kept: imported for others to import or look up"
            self._report(alias, codes.EXPORTED, message)
        changes = ImportChanges(removals)
        for target, local in self._local.items():
            if local not in self._reused:
                module, _, name = target.partition(":")
                changes.additions.append(Import(module, name, local))
        if self._edits and changes.additions:
            bindings = [node for use in self._edited for node in use.meaning.bindings]
            place(self._names, changes, bindings, replaced)
        keep_commented(self._names, changes)
        return changes

    def _apply(self, changes: ImportChanges) -> None:
        result = self._result
        result.text = apply(self._names, self._edits, changes).code
        result.written = {local for local in self._local.values() if "." not in local}
        result.added = [(new.module, new.name, new.alias) for new in changes.additions]
        for removal in changes.removals:
            line, column = self._names.place(removal.statement)
            result.removed.add((line, column - 1, bound_name(removal.alias)))

    def _look_around(self) -> None:
        """Report what a rewriting, in this module or another, may upset in this module."""
        cell = self._plan.cell
        changed = [use.origin for use in self._edited if use.origin.spec.name != cell.name]
        if changed:
            # The layer, where there are both.
            former = max(changed, key=lambda origin: origin.layer)
            was_lstm = former.spec.name == LSTM
            self._result.findings += find_hazards(
                self._names, former.class_name, cell.name, was_lstm
            )
        elif self._plan.others() and not self._edits:
            self._result.findings += find_name_tests(self._names, LSTM.upper(), cell.name)
        if self._plan.attention is not None:
            calls = [use.owner for use in self._edited if use.role is Role.CALL and use.owner]
            self._result.findings += find_state_only(self._names, calls)

    def _look_at_tests(self) -> None:
        """Report the type tests that were rewritten where the former class goes on."""
        if not self._mixed:
            return
        for use in self._edited:
            if use.role in (Role.TEST, Role.PATTERN):
                tested = "both classes, as" if use.node in self._kept else "the new class, but"
                message = f"tests {tested} {use.origin.class_name} is still used in this file too"
                self._report(use.node, codes.MIXED_TEST, message)


def _code_of(use: Use) -> str:
    if use.is_partial:
        return codes.REFERENCE
    return _CODE_OF.get(use.role, codes.REFERENCE)


def _spelled(names: Names, node: cst.CSTNode) -> str:
    return dotted(node) or " ".join(names.code(node).split())
