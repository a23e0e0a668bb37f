"""Before/after cases: every file under tests/data/patch is one.

The first line is `# case: OPTIONS` of `rnnswap patch`; then the input; then, each optional,
`# output` with what must come out (absent: the input, byte for byte) and `# report` with the
findings, lines counted from the one after the header. `pytest --regen tests/patch/test_cases.py`
writes what comes out today into the files.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from rnnswap import discovery
from rnnswap.patch.source import codes
from rnnswap.patch.source.plan import make_plan
from rnnswap.patch.source.rewrite import find, rewrite
from rnnswap.registry import Provider
from rnnswap.spec import CellSpec, ClipSpec

FOLDER = Path(__file__).parent.parent / "data" / "patch"
PATHS = sorted(FOLDER.rglob("*.py"))


@dataclass(frozen=True)
class Case:
    options: str
    before: str
    after: str
    report: list[str]

    @property
    def changes(self) -> bool:
        return self.before != self.after


def read_case(path):
    header, _, text = path.read_bytes().decode("utf-8").partition("\n")
    assert header.startswith("# case:"), path
    text, _, report = text.partition("# report\n")
    before, marker, after = text.partition("# output\n")
    options = header.removeprefix("# case:").strip()
    return Case(options, before, after if marker else before, report.splitlines())


def plan_of(case):
    words = shlex.split(case.options)
    named = dict(zip(words[::2], words[1::2], strict=True))
    texts = dict(
        value.split("=", 1)
        for name, value in zip(words[::2], words[1::2], strict=True)
        if name == "--cell-arg"
    )
    cell = named.get("--cell", "janet")
    options = discovery.installed().cells.get(cell).spec.parse_options(texts)
    return make_plan(
        cell, named.get("--source"), named.get("--attention"), options, named.get("--clip")
    )


@pytest.fixture(autouse=True)
def third_party(monkeypatch):
    """A stranger's cell that does not take every argument, and a stranger's policy."""
    plugins = discovery.discover()
    spec = CellSpec(
        name="mingru", target="rnnswap_minrnn:MinGRU", unsupported=frozenset({"proj_size"})
    )
    plugins.cells.add(spec, Provider("rnnswap-minrnn", "1.0", "minrnn"))
    policy = ClipSpec(name="agc-like", target="rnnswap_agc:Agc", numbers=("ratio",))
    plugins.policies.add(policy, Provider("rnnswap-agc", "1.0", "agc"))
    monkeypatch.setattr(discovery, "installed", lambda: plugins)


@pytest.fixture(params=PATHS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def case(request):
    return read_case(request.param)


def write_case(path, case, text, findings):
    """Writes down what came out, for `pytest --regen`; the difference is for eyes to judge."""
    output = f"# output\n{text}" if text != case.before else ""
    report = "".join(f"{finding}\n" for finding in findings)
    report = f"# report\n{report}" if report else ""
    header = f"# case: {case.options}".rstrip()
    path.write_bytes(f"{header}\n{case.before}{output}{report}".encode())


def test_case_is_rewritten_and_reported_as_written_down(case, request):
    text, findings = rewrite(case.before, plan_of(case), "case.py")
    if request.config.getoption("--regen"):
        write_case(request.node.callspec.params["case"], case, text, findings)
        return
    assert text == case.after
    assert [str(finding) for finding in findings] == case.report


def test_case_is_found_as_it_is_reported(case):
    assert [str(finding) for finding in find(case.before, plan_of(case), "case.py")] == case.report


def test_case_twice_is_case_once(case):
    plan = plan_of(case)
    text, findings = rewrite(case.after, plan, "case.py")
    assert text == case.after
    assert not [finding for finding in findings if finding.code.startswith("RSW1")]


def test_case_output_compiles(case):
    compile(case.after, "case.py", "exec", dont_inherit=True)


def test_case_with_crlf_stays_crlf(case):
    text, _ = rewrite(case.before.replace("\n", "\r\n"), plan_of(case), "case.py")
    assert text == case.after.replace("\n", "\r\n")


def test_case_without_final_newline_stays_without(case):
    text, _ = rewrite(case.before.rstrip("\n"), plan_of(case), "case.py")
    assert text == case.after.rstrip("\n")


def test_case_with_byte_order_mark_keeps_it(case):
    text, _ = rewrite("\ufeff" + case.before, plan_of(case), "case.py")
    assert text == "\ufeff" + case.after


def test_more_cases_are_left_alone_than_rewritten():
    cases = [read_case(path) for path in PATHS]
    changed = sum(case.changes for case in cases)
    assert len(cases) >= 120
    assert changed < len(cases) - changed


def test_every_code_says_what_to_do():
    assert list(codes.ADVICE) == list(codes.MEANINGS)
    assert all(advice and advice[0].islower() for advice in codes.ADVICE.values())


def test_every_code_of_a_finding_occurs_in_a_case():
    seen = {line.split()[1] for path in PATHS for line in read_case(path).report}
    assert seen == {code for code in codes.MEANINGS if not code.startswith("RSW9")}
