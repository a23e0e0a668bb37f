"""The table of docs/clipping.md: every policy in every situation, measured now."""

from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        import clip_situations

        yield clip_situations


@pytest.fixture(scope="module")
def found(script):
    with script.two_processes() as distributed:
        return script.measure_alone() | distributed()


def test_gradients_are_what_the_equations_give_and_what_the_guide_shows(script, found):
    text, good = script.table(found)
    assert good, text
    assert text in script.GUIDE.read_text("utf-8")


@pytest.mark.parametrize("situation", ["DDP", "FSDP2"])
def test_norm_of_two_processes_is_that_of_one(found, situation):
    norm, alone = (found[f"lstm | {name}"][1] for name in (situation, "plain"))
    assert norm == pytest.approx(alone, rel=1e-6)


def test_wrong_gradient_would_be_told(script, found):
    wrong = {**found, "norm:13 | FSDP2": ([3.1, -4.0], 130.0)}
    text, good = script.table(wrong)
    assert not good
    assert "3.1, -4 / 3, -4 **differs**" in text
