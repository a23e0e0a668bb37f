"""docs/swapping.md: its code runs, and its tables are what its scripts print."""

import importlib.util
import re
from pathlib import Path

import pytest
import torch

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "swapping.md").read_text("utf-8")


def script(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


situations = script("swap_situations")


def rows(head):
    """The cells of the page's table whose head begins with a cell, row by row."""
    lines = iter(PAGE.splitlines())
    for line in lines:
        if line.startswith(f"| {head} |"):
            break
    next(lines)
    found = []
    for line in lines:
        if not line.startswith("|"):
            return found
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


@pytest.mark.parametrize("situation", situations.SITUATIONS, ids=lambda s: s.__name__)
def test_what_the_page_says_of_a_situation_is_so(situation):
    question = situation.__doc__.strip().rstrip(".")
    (row,) = [row for row in rows("situation") if row[0] == question]
    assert situations.answer(situation, situations.ours) == row[1]
    assert row[1].startswith("yes")


def test_the_page_has_every_situation_once():
    assert len(rows("situation")) == len(situations.SITUATIONS)


def test_a_swapper_that_does_nothing_gets_no_yes_for_swapping():
    answers = [situations.answer(s, lambda model, _=None: model) for s in situations.SITUATIONS]
    assert [text for text in answers if not text.startswith("no: ")] == []


def test_the_code_of_the_page_runs_and_prints_what_stands_below_it(capsys):
    namespace = {"__name__": "tagger"}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 7
    for block in blocks:
        exec(compile(block, "tagger.py", "exec"), namespace)
        printed = capsys.readouterr().out
        assert ("print(" in block) == bool(printed)
        assert f"```\n{printed}```\n" in PAGE if printed else True


def test_transfer_counts_steps_to_each_mark():
    transfer = script("transfer")
    digits, shares = transfer.example(), iter([0.5, 0.91, 0.92, 0.96, 0.95])
    digits.evaluate = lambda *_: next(shares)
    model = digits.LSTMModel(8, 4, 1, num_classes=10)
    loader = [(torch.randn(2, 8, 8), torch.tensor([1, 2]))] * 41
    assert transfer.steps_to_marks(digits, model, loader, None, 1e-2, 41) == {
        0.90: 10,
        0.95: 30,
        0.97: None,
    }
    steps = [dict.fromkeys(transfer.MARKS, 10 * (seed + 1)) for seed in transfer.SEEDS]
    found = [(0.9, dict.fromkeys(("fresh", "transfer"), one)) for one in steps]
    lines = transfer.table(found).splitlines()
    assert lines[2] == "| fresh | 90% | 10 | 20 | 30 | 20 |"
    assert len(lines) == 2 + 2 * len(transfer.MARKS)


def test_overhead_measures_every_setting():
    overhead = script("patched_overhead")
    found = overhead.measure(count=3, rounds=2)
    assert len(found) == 6
    assert all(len(times) == 2 and min(times) > 0 for times in found.values())
