"""Defaults of `patch` and `scan` from pyproject.toml, and what shells are told."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from rnnswap.cli import main
from rnnswap.cli._config import KEYS

MODEL = "from torch import nn\n\nrnn = nn.LSTM(8, 16)\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in a folder of its own, with the given table as configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(MODEL)

    def call(*arguments, table=None, stdin=None):
        if table is not None:
            Path("pyproject.toml").write_text(f"[tool.rnnswap]\n{table}")
        return CliRunner().invoke(main, arguments, input=stdin)

    return call


def test_the_table_gives_defaults_and_the_command_line_wins(run):
    table = 'cell = "indrnn"\ncell-arg = ["nonlinearity=tanh"]\n'
    assert "-> IndRNN" in run("scan", "m.py", table=table).stdout
    assert "+rnn = IndRNN(8, 16, nonlinearity='tanh')" in run("patch", "--diff", "m.py").stdout
    assert "-> IndRNNv2" in run("scan", "m.py", "--cell", "indrnn-v2").stdout


def test_options_of_the_projects_cell_are_not_those_of_another(run):
    table = 'cell = "indrnn"\ncell-arg = ["nonlinearity=tanh"]\n'
    diff = run("patch", "--diff", "m.py", "--cell", "janet", table=table).stdout
    assert "+rnn = JANET(8, 16)\n" in diff
    diff = run("patch", "--diff", "m.py", "--cell", "indrnn", table=table).stdout
    assert "nonlinearity='tanh'" in diff
    diff = run("patch", "--diff", "m.py", table='cell-arg = "t_max=784"').stdout
    assert "+rnn = JANET(8, 16, t_max=784)\n" in diff


def test_every_key_reaches_its_command(run):
    table = (
        'attention = "soft"\nfail-on = "RSW1"\nformat = "json"\nignore = "RSW2"\njobs = 1\n'
        'max-size = 1000\nselect = ["RSW1", "RSW3"]\nsource = "lstm"\nclip = "norm:1.0"\n'
    )
    result = run("scan", table=table)
    assert result.exit_code == 1
    assert 'with_attention(JANET, \\"soft\\")' in result.stdout
    result = run("patch", "m.py", table='max-size = "10"')
    assert result.exit_code == 123
    command = main.get_command(None, "scan")
    assert {key.replace("-", "_") for key in KEYS} == {
        p.name for p in command.params if isinstance(p, click.Option)
    }


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("sell = 1", "pyproject.toml: [tool.rnnswap] has no key 'sell' (keys: attention, cell, "),
        ("diff = true", "[tool.rnnswap] has no key 'diff'"),
        ('cell = "jannet"', "pyproject.toml: [tool.rnnswap] cell: unknown cell 'jannet'"),
        ("cell = 3", "pyproject.toml: [tool.rnnswap] cell: unknown cell '3'"),
        ("cell = []", "[tool.rnnswap] cell must be a string or a number, got []"),
        ("jobs = true", "[tool.rnnswap] jobs must be a string or a number, got True"),
        ("jobs = 0", "[tool.rnnswap] jobs: 0 is not in the range x>=1"),
        ("select = [3]", "select must be a string or a list of strings, got [3]"),
        ('ignore = ["RSW7"]', "[tool.rnnswap] ignore: no code begins with 'RSW7'"),
        ('max-size = "big"', "[tool.rnnswap] max-size: 'big' is not a size"),
        ("cell = ", "pyproject.toml: cannot be parsed as TOML: Invalid value"),
    ],
)
def test_a_bad_table_is_one_sentence_and_nothing_is_done(run, table, message):
    result = run("patch", "m.py", table=table)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert Path("m.py").read_text() == MODEL


def test_a_table_that_is_none_and_a_file_that_cannot_be_read(run):
    Path("pyproject.toml").write_text("[tool]\nrnnswap = 3\n")
    assert "pyproject.toml: tool.rnnswap must be a table, got 3" in run("scan").stderr
    Path("pyproject.toml").write_bytes(b"\xff rnnswap")
    assert "pyproject.toml: cannot be parsed as TOML: 'utf-8' codec" in run("scan").stderr
    Path("pyproject.toml").write_text("[broken and none of ours")
    assert run("scan").exit_code == 0


def test_the_nearest_file_above_the_first_path_counts(run):
    Path("sub/deep").mkdir(parents=True)
    Path("sub/deep/m.py").write_text(MODEL)
    run("scan", table='cell = "indrnn"')
    assert "-> IndRNN" in run("scan", "sub").stdout
    Path("sub/pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert "-> JANET" in run("scan", "sub/deep/m.py").stdout
    assert "-> IndRNN" in run("scan", "m.py", "sub").stdout.splitlines()[2]
    assert "-> IndRNN" in run("scan", "-", stdin=MODEL).stdout


def test_help_needs_no_sound_table(run):
    assert run("patch", "--help", table="sell = 1").exit_code == 0


def complete(words, index):
    environment = {
        **os.environ,
        "_RNNSWAP_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(index),
    }
    code = "from rnnswap.cli import main; main(prog_name='rnnswap')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("rnnswap s", ["scan"]),
        ("rnnswap patch --cell ja", ["janet"]),
        ("rnnswap scan --source in", ["indrnn", "indrnn-v2"]),
        ("rnnswap patch --attention so", ["soft"]),
        ("rnnswap patch --clip no", ["none", "norm"]),
        ("rnnswap scan --fail-on RSW101,RSW1", [f"RSW101,RSW10{n}" for n in "1234"]),
        ("rnnswap scan --format g", ["github"]),
        ("rnnswap patch --max-", ["--max-size"]),
    ],
)
def test_shells_are_told_what_can_follow(tmp_path, monkeypatch, words, expected):
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text("[tool.rnnswap]\nsell = 1\n")
    assert complete(words, len(words.split()) - 1) == expected
