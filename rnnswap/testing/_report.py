"""What the checks found, as records and as a plain table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

PASSED = "passed"
FAILED = "failed"
CANNOT = "cannot"
SKIPPED = "skipped"
DECLARED = "declared-unsupported"

CONTRACT = "contract"
BEYOND = "beyond"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check.

    Args:
        name: Of the check.
        group: "contract", which torch's own class passes whole, or "beyond", which it cannot.
        status: "passed"; "failed" (contract only); "cannot" (beyond only: no worse than torch's
            own class); "skipped"; or "declared-unsupported": the class says that it cannot, and
            asking for an argument of it is one clear error.
        detail: One sentence: what was expected and what came, or why the check was skipped.
        summary: One line: what the check checks.
    """

    name: str
    group: str
    status: str
    detail: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What checks found; `str()` of it is a table.

    Args:
        subject: The class checked, as `module.Class(options)`, or a policy's text.
        reference: torch's class it stands for: "nn.LSTM" or "nn.LSTMCell"; "" for an attention
            mechanism or a clipping policy.
        level: "quick" or "full".
        results: One a check, in order.
        is_reference: True if the class is that class of torch's itself.
        role: What it is checked as, where it stands for no class of torch's: "attention mechanism"
            or "clipping policy".
    """

    subject: str
    reference: str
    level: str
    results: tuple[CheckResult, ...]
    is_reference: bool = False
    role: str = ""

    @property
    def passed(self) -> bool:
        """True if no check failed; what torch's own class cannot do either does not count."""
        return not self.failures

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The results with status "failed"."""
        return tuple(r for r in self.results if r.status == FAILED)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many results each status has, by group: `{"contract": {"passed": 50}, ...}`."""
        return {
            group: dict(Counter(r.status for r in self.results if r.group == group))
            for group in (CONTRACT, BEYOND)
        }

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if self.role:
            yield f"{self.subject} as {self.role}, {self.level} checks"
            titles = {CONTRACT: f"what every {self.role} does", BEYOND: "what not every one does"}
        else:
            yield f"{self.subject} in place of {self.reference}, {self.level} checks"
            does = f"what {self.reference} does"
            titles = {CONTRACT: does, BEYOND: f"what {self.reference} cannot"}
        for group, title in titles.items():
            rows = [r for r in self.results if r.group == group]
            if rows:
                yield ""
                yield f"{group}: {title}"
                yield from self._table(rows)
        yield ""
        yield "; ".join(
            f"{group}: " + ", ".join(f"{n} {status}" for status, n in counts.items())
            for group, counts in self.counts.items()
            if counts
        )

    def _table(self, rows: list[CheckResult]) -> Iterator[str]:
        statuses = [self._words(r) for r in rows]
        wide = max(map(len, statuses))
        name = max(len(r.name) for r in rows)
        for row, status in zip(rows, statuses, strict=True):
            yield f"  {status:{wide}}  {row.name:{name}}  {row.summary}".rstrip()
            if row.detail:
                yield f"  {'':{wide}}  {'':{name}}  -> {row.detail}"

    def _words(self, row: CheckResult) -> str:
        its_own = row.status == CANNOT and self.is_reference
        return f"{self.reference} cannot" if its_own else row.status
