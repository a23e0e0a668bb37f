"""`rnnswap patch` where the user asks for odd things: what it says, and that nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rnnswap.cli import main

BEFORE = "from torch import nn\n\nrnn = nn.LSTM(8, 16)\n"
AFTER = "from torch import nn\nfrom rnnswap import JANET\n\nrnn = JANET(8, 16)\n"


@pytest.fixture
def rnnswap(tmp_path, monkeypatch):
    """Runs the program in a folder of its own that holds m.py."""
    monkeypatch.chdir(tmp_path)
    Path("m.py").write_text(BEFORE)
    return lambda *arguments, **more: CliRunner().invoke(main, arguments, **more)


def test_the_line_of_a_result_that_goes_elsewhere_says_where(rnnswap):
    result = rnnswap("patch", "-o", "out.py", "m.py")
    assert result.stderr.startswith("m.py, written to out.py: nn.LSTM -> JANET at 3:7\n")
    assert (Path("out.py").read_text(), Path("m.py").read_text()) == (AFTER, BEFORE)
    Path("m.py").write_text("import torch\nx = getattr(torch.nn, 'LSTM')\n")
    lines = rnnswap("patch", "-o", "out.py", "m.py").stderr.splitlines()
    assert lines[0] == "m.py, written to out.py: left as it is"
    assert lines[1].startswith("m.py:2:5 RSW202 ")


def test_an_output_that_is_the_input_is_rewritten_in_place(rnnswap):
    assert rnnswap("patch", "-o", "m.py", "m.py").exit_code == 0
    assert Path("m.py").read_text() == AFTER


def test_a_device_is_no_output(rnnswap):
    # As /dev/stdout leads to a log that others write to, that file would be replaced.
    Path("log").write_text("a line\n")
    code = "import sys; from rnnswap.cli import main; main(sys.argv[1:])"
    with Path("log").open("a") as log:
        command = [sys.executable, "-c", code, "patch", "-o", "/dev/stdout", "m.py"]
        done = subprocess.run(command, stdout=log, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "-o takes a file, '/dev/stdout' is a device; - is standard output" in done.stderr
    assert Path("log").read_text() == "a line\n"


@pytest.mark.parametrize("options", [["--select", "RSW3"], ["--ignore", "RSW101"]])
def test_what_is_not_selected_is_not_said_to_be_missing(rnnswap, options):
    result = rnnswap("patch", *options, "m.py")
    assert result.stderr.startswith("m.py: nothing to do, no selected use of torch.nn.LSTM found\n")
    assert Path("m.py").read_text() == BEFORE


@pytest.mark.parametrize("command", ["patch", "scan"])
def test_a_selection_of_nothing_is_misuse(rnnswap, command):
    result = rnnswap(command, "--select", "RSW101", "--ignore", "RSW1", "m.py")
    assert result.exit_code == 2
    assert "--ignore leaves nothing of what --select names" in result.stderr


@pytest.mark.parametrize("command", ["patch", "scan"])
def test_ctrl_c_is_no_result_of_check(rnnswap, monkeypatch, command):
    def interrupted(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnswap.patch.source.work._read_stdin", interrupted)
    result = rnnswap(command, "-")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize("words", ["patch s", "scan s", "patch -o s"])
def test_paths_are_left_to_the_shell_to_complete(words, tmp_path, monkeypatch):
    monkeypatch.setenv("_RNNSWAP_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"rnnswap {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    result = CliRunner().invoke(main, [], prog_name="rnnswap")
    assert result.stdout == "file,s\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_would_break_a_diff_is_quoted_as_git_does(rnnswap):
    name = 'a\nb"\t\x01.py'
    Path("m.py").rename(name)
    lines = rnnswap("patch", "--diff", name).stdout.splitlines()
    assert lines[:2] == [r'--- "a\nb\"\t\001.py"', r'+++ "a\nb\"\t\001.py"']
    assert lines[2].startswith("@@ ")


@pytest.mark.skipif(os.name == "nt", reason="Windows sets no such limit")
def test_a_file_that_does_not_fit_on_the_disk_is_left_and_the_others_go_on(rnnswap):
    Path("src").mkdir()
    large = BEFORE + "x = 1\n" * 800
    for name, text in [("a.py", BEFORE), ("b.py", large), ("c.py", BEFORE)]:
        Path("src", name).write_text(text)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "from rnnswap.cli import main; main(['patch', 'src'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 123
    assert "src/b.py RSW906 cannot be written: file too large; left as it is\n" in done.stderr
    assert [Path("src", name).read_text() for name in ("a.py", "b.py", "c.py")] == [
        AFTER,
        large,
        AFTER,
    ]
    assert len(list(Path("src").iterdir())) == 3


def test_lines_that_are_named_in_a_notebook_are_those_of_its_cells(rnnswap):
    cells = [
        ["import torch\n", "optimizer = torch.optim.SGD(model.parameters(), 0.1)\n"],
        ["torch.nn.utils.clip_grad_norm_(model.parameters(), 1)\n", "optimizer.step()\n"],
    ]
    content = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells
        ],
        "metadata": {},
        "nbformat": 4,
    }
    Path("n.ipynb").write_text(json.dumps(content))
    result = rnnswap("scan", "--clip", "norm:1", "n.ipynb")
    where = "n.ipynb:cell 2:2:1 RSW213 optimizer.step() kept: gradients are clipped"
    assert f"{where} in cell 2, line 1 already\n" in result.stdout


def test_a_layer_chosen_while_the_program_runs_is_found_where_nothing_spells_it(rnnswap):
    Path("src").mkdir()
    for name, argument in [("a.py", "kind.rnn"), ("b.py", "kind.activation")]:
        text = f"import torch\n\nlayer = getattr(torch.nn, {argument})(8, 16)\n"
        Path("src", name).write_text(text)
    result = rnnswap("scan", "src")
    assert "src/a.py:3:9 RSW202 getattr(torch.nn, kind.rnn) kept: which class" in result.stdout
    assert "b.py" not in result.stdout


def test_a_notebook_with_a_byte_order_mark_is_refused_in_words(rnnswap):
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": BEFORE}
    content = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    Path("n.ipynb").write_text(content, "utf-8-sig")
    result = rnnswap("patch", "n.ipynb")
    assert result.exit_code == 123
    assert "n.ipynb RSW901 cannot be parsed as a notebook: it starts with a byte" in result.stderr
