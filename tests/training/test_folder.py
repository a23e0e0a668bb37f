"""A run's folder: what it must not be, and how it is written."""

import json

import pytest

from rnnswap.errors import ReportError
from rnnswap.training.folder import prepare, read_summary, write_summary


def test_folder_is_made_with_those_above_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    assert prepare("a/b") == tmp_path / "a" / "b"
    assert prepare(".") == tmp_path
    assert [p.name for p in tmp_path.iterdir()].count("notes.txt") == 1
    assert [*(tmp_path / "a" / "b").iterdir()] == []


@pytest.mark.parametrize("name", ["metrics.jsonl", "summary.json"])
def test_folder_of_another_run_is_refused(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ReportError, match=rf"holds a run already \({name}\); name another, or"):
        prepare(str(tmp_path))
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("file", "is a file; name a folder"),
        ("file/below", "cannot be used: not a directory"),
        ("x" * 300, "cannot be used: file name too long"),
        ("/proc/nothing", "cannot be used: "),
        ("", "cannot be used: no name"),
    ],
)
def test_folder_that_cannot_be_used_is_refused(tmp_path, monkeypatch, path, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ReportError, match=sentence):
        prepare(path)


def test_summary_reads_back_whatever_stands_in_it(tmp_path):
    write_summary(tmp_path, {"command": "a \udcff", "path": tmp_path})
    assert read_summary(tmp_path) == {"schema": 1, "command": "a \udcff", "path": str(tmp_path)}
    assert json.loads((tmp_path / "summary.json").read_text())["schema"] == 1
    (tmp_path / "summary.json").write_text("[]")
    assert read_summary(tmp_path) is None
