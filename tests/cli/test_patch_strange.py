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


def test_a_notebook_with_a_byte_order_mark_is_refused_in_words(rnnswap):
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": BEFORE}
    content = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    Path("n.ipynb").write_text(content, "utf-8-sig")
    result = rnnswap("patch", "n.ipynb")
    assert result.exit_code == 123
    assert "n.ipynb RSW901 cannot be parsed as a notebook: it starts with a byte" in result.stderr
