"""What the page says, read as text; tests/training/page/test_browser.py looks at it."""

import html
import json
import re

import pytest
from recorded import ABOUT, run_folder

from rnnswap.errors import ReportError
from rnnswap.training.metrics import to_line
from rnnswap.training.page.html import page
from rnnswap.training.page.loading import load, load_all
from rnnswap.training.steps import Step


def data(text):
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    charts = json.loads(found)["charts"]
    titles = re.findall(r"<figcaption>(.*?)</figcaption>", text)
    return dict(zip(titles, charts, strict=True))


def test_page_of_one_run(tmp_path):
    text = page([load(run_folder(tmp_path / "first"))])
    for part in ("rnnswap: first", ABOUT["command"], "/m.py:7", "JANET(2, 3)", "subclass"):
        assert part in text
    assert "stopped after 3 steps" in text
    assert "10 (33.3%)" in text
    charts = data(text)
    assert [*charts] == [
        "Loss",
        "Gradient norm before and after clipping",
        "Share of steps and of elements clipped, %",
        "Gradient norm of each layer before clipping",
        "Step time, ms",
    ]
    loss, norms, shares, layers, times = charts.values()
    assert loss["steps"] == [*range(1, 31)]
    assert loss["curves"][0]["values"][:2] == [1.0, 0.5]
    assert [c["label"] for c in norms["curves"]] == ["before", "after"]
    assert norms["log"]
    assert norms["curves"][1]["values"][:4] == [2.0, 2.0, 1.0, 2.0]
    # Every third step is clipped; a window has 8 of them, the last one 6.
    assert shares["curves"][0]["values"] == [37.5, 37.5, 25.0, 33.3333]
    # A logarithmic axis has no place for zero; layers stand at the steps they were measured at.
    assert [c["label"] for c in layers["curves"]] == ["rnn"]
    assert layers["steps"] == [1, 11, 21]
    assert times["curves"][0]["values"][0] == 100.0
    assert times["steps"][0] == 2
    assert [c["label"] for c in times["curves"]] == ["time"]


def test_page_needs_nothing_else(tmp_path):
    text = page([load(run_folder(tmp_path / "run"))])
    markup = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.S)
    assert not re.findall(r"src=|href=|url\(|@import|https?://", markup)
    assert not re.findall(r"\bimport\(|fetch\(|XMLHttpRequest|url\(", text)
    assert '<meta name="viewport"' in text


def test_curves_of_many_steps_are_means_with_a_band(tmp_path):
    loss = data(page([load(run_folder(tmp_path / "run", 4000))]))["Loss"]
    assert len(loss["steps"]) == 1000
    least, greatest = loss["curves"][0]["band"]
    assert least[0] == 0.25 < loss["curves"][0]["values"][0] < greatest[0] == 1.0


def test_runs_lie_over_each_other_by_name(tmp_path):
    one = run_folder(tmp_path / "a" / "run", 30)
    other = run_folder(tmp_path / "b" / "run", 20)
    text = page(load_all([str(one), str(other)]))
    loss = data(text)["Loss"]
    assert [c["label"] for c in loss["curves"]] == ["a/run", "b/run"]
    assert [c["colour"] for c in loss["curves"]] == [0, 1]
    assert loss["curves"][1]["values"][18:] == [pytest.approx(1 / 19), 0.05] + [None] * 10
    assert "band" not in loss["curves"][0]
    assert "rnnswap: 2 runs" in text


def test_optimizers_have_curves_of_their_own(tmp_path):
    loss = data(page([load(run_folder(tmp_path / "gan", 10, optimizers=2))]))["Loss"]
    assert [c["label"] for c in loss["curves"]] == ["optimizer 0", "optimizer 1"]
    assert loss["curves"][0]["values"][:3] == [1.0, None, pytest.approx(1 / 3)]


def test_run_given_twice_and_folder_that_is_none_are_refused(tmp_path):
    run = run_folder(tmp_path / "run")
    with pytest.raises(ReportError, match="is given twice"):
        load_all([str(run), f"{run}/../run"])
    with pytest.raises(ReportError, match=r"is not the folder of a run: metrics\.jsonl: no such"):
        load(tmp_path)


@pytest.mark.parametrize("about", [None, b"", b"[1]", b"{", b"\xff", b'{"notes": 3, "swapped": 4}'])
def test_run_without_a_summary_that_can_be_read_is_shown(tmp_path, about):
    folder = run_folder(tmp_path / "run", about=None)
    if about is not None:
        (folder / "summary.json").write_bytes(about)
    run = load(folder)
    assert "Loss" in data(page([run]))
    assert bool(run.notes) == (about is None or b"notes" not in about)


def test_run_without_steps_says_so(tmp_path):
    text = page([load(run_folder(tmp_path / "empty", 0))])
    assert text.count("nothing of this was recorded") == 4
    assert "steps clipped</dt><dd>0 (0.0%)" in text


def test_run_that_goes_on_says_so(tmp_path):
    folder = run_folder(tmp_path / "run", about={**ABOUT, "state": "running"})
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 31, "opt')
    text = page([load(folder)])
    assert "this run had not ended when the page was made, or was killed" in text
    assert "1 of 31 lines of metrics.jsonl are no steps, the first is line 31" in text


def test_names_cannot_break_the_page(tmp_path):
    evil = "</script><script>alert(1)</script><b>&\u2028"
    about = {**ABOUT, "command": evil, "notes": [evil], "cell": evil, "versions": {evil: evil}}
    folder = run_folder(tmp_path / "x<b>y", about=about)
    line = to_line(Step(31, 0, 9.0, layers={evil: 1.0}))
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(line)
    text = page([load(folder)])
    assert "alert(1)</script><b>" not in text
    assert text.count("<script") == text.count("</script>") == 3
    assert html.escape(evil) in text
    layers = data(text)["Gradient norm of each layer before clipping"]
    assert [c["label"] for c in layers["curves"]] == ["rnn", evil]
