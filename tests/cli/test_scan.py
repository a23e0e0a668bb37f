"""`rnnswap scan`: every finding, in three formats, and what makes it fail."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rnnswap.cli import main
from rnnswap.patch.source.codes import ADVICE, MEANINGS

MODEL = "from torch import nn\n\nrnn = nn.LSTM(8, 16)\nrnn.load_state_dict(x)\n"


@pytest.fixture
def scan(tmp_path, monkeypatch):
    """Runs the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, stdin=None):
        return CliRunner().invoke(main, ["scan", *arguments], input=stdin)

    return run


def write(name, content):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_every_finding_comes_with_place_code_reason_and_advice(scan):
    write("src/m.py", MODEL)
    write("src/none.py", "x = 1\n")
    result = scan("src")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "src/m.py:3:7 RSW101 nn.LSTM -> JANET",
        "    rnnswap patch does it; run your tests",
        "src/m.py:4:1 RSW302 a checkpoint of LSTM does not fit janet",
        f"    {ADVICE['RSW302']}",
    ]
    assert result.stderr == "2 findings in 1 of 2 files (RSW101 1, RSW302 1)\n"
    assert Path("src/m.py").read_text() == MODEL


def test_without_paths_it_is_the_current_folder(scan):
    write("m.py", MODEL)
    assert scan().stdout == scan(".").stdout
    assert "m.py:3:7 RSW101" in scan().stdout


def test_nothing_found_is_said(scan):
    assert scan().stderr == ".: no Python file or notebook in it\nno findings in 0 files\n"
    write("m.py", "x = 1\n")
    result = scan()
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no findings in 1 file\n"


def test_json_is_one_array_with_failures_in_it(scan):
    write("a.py", MODEL)
    write("b.py", "LSTM = (\n")
    result = scan("--format", "json", "a.py", "b.py", "missing.py")
    assert result.exit_code == 123
    found = json.loads(result.stdout)
    assert [(r["path"], r["line"], r["column"], r["code"]) for r in found] == [
        ("a.py", 3, 7, "RSW101"),
        ("a.py", 4, 1, "RSW302"),
        ("b.py", 1, 8, "RSW901"),
        ("missing.py", None, None, "RSW903"),
    ]
    assert found[1] == {
        "path": "a.py",
        "cell": None,
        "line": 4,
        "column": 1,
        "code": "RSW302",
        "message": "a checkpoint of LSTM does not fit janet",
        "meaning": MEANINGS["RSW302"],
        "advice": ADVICE["RSW302"],
    }
    assert result.stderr == "2 findings in 1 of 3 files (RSW101 1, RSW302 1), 2 failed\n"


def test_json_without_findings_is_an_empty_array(scan):
    assert json.loads(scan("--format", "json").stdout) == []


def test_github_annotations_escape_what_would_end_them(scan):
    write("a,b:c%.py", MODEL)
    result = scan("--format", "github", "a,b:c%.py", "--fail-on", "RSW302")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "::notice file=a%2Cb%3Ac%25.py,line=3,col=7,title=RSW101::"
        "nn.LSTM -> JANET (rnnswap patch does it; run your tests)",
        "::error file=a%2Cb%3Ac%25.py,line=4,col=1,title=RSW302::"
        f"a checkpoint of LSTM does not fit janet ({ADVICE['RSW302']})",
    ]
    assert scan("--format", "github", "a,b:c%.py").stdout.count("::warning ") == 1


def test_a_notebook_has_cells_in_text_and_lines_of_the_file_in_annotations(scan):
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": MODEL.splitlines(True)}
    write("n.ipynb", json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4}, indent=1))
    assert scan("n.ipynb").stdout.startswith("n.ipynb:cell 1:3:7 RSW101 ")
    assert json.loads(scan("--format", "json", "n.ipynb").stdout)[0]["cell"] == 1
    line = Path("n.ipynb").read_text().splitlines().index('    "rnn = nn.LSTM(8, 16)\\n",') + 1
    annotation = scan("--format", "github", "n.ipynb").stdout.splitlines()[0]
    assert annotation.startswith(f"::notice file=n.ipynb,line={line},title=RSW101::")


@pytest.mark.parametrize(
    ("codes", "exit_code"),
    [
        ("RSW101", 1),
        ("RSW1", 1),
        ("rsw302", 1),
        ("RSW2,RSW3", 1),
        ("RSW2, RSW103", 0),
        ("RSW", 1),
    ],
)
def test_fail_on_takes_codes_and_beginnings(scan, codes, exit_code):
    write("m.py", MODEL)
    assert scan("--fail-on", codes).exit_code == exit_code
    assert scan("--fail-on", "RSW215", "--fail-on", codes).exit_code == exit_code


def test_what_is_not_selected_is_not_printed_and_fails_nothing(scan):
    write("m.py", MODEL)
    result = scan("--select", "RSW1", "--fail-on", "RSW3")
    assert result.exit_code == 0
    assert "RSW302" not in result.output
    assert scan("--select", "RSW1,RSW3", "--ignore", "RSW30", "m.py").stdout.count("RSW") == 1
    result = scan("--ignore", "RSW1,RSW3", "m.py")
    assert result.stdout == ""


def test_a_failure_beats_fail_on(scan):
    write("m.py", MODEL)
    write("bad.py", "LSTM = (\n")
    result = scan("--fail-on", "RSW1")
    assert result.exit_code == 123
    assert "bad.py:1:8 RSW901 cannot be parsed as Python 3" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fail-on", "RSW7"], "no code begins with 'RSW7'; codes begin with RSW1 (rewritten)"),
        (["--select", "RSW399"], "no code begins with 'RSW399'; codes of RSW3 are RSW301 to RSW3"),
        (["--select", ""], "no code begins with ''"),
        (["--ignore", "RSW901"], "'RSW901' cannot be ignored: RSW9 codes are failures"),
        (["--max-size", "huge"], "'huge' is not a size; write for example 500kB, 2MB or 3000000"),
        (["--max-size", "0"], "'0' is not a size"),
        (["--jobs", "0"], "0 is not in the range x>=1"),
        (["--format", "xml"], "'xml' is not one of 'text', 'json', 'github'"),
        (["--cell", "jannet"], "unknown cell 'jannet'"),
        (["--clip", "norm"], "clipping policy 'norm': norm takes 1 number, got 0"),
    ],
)
def test_misuse_exits_2(scan, arguments, message):
    result = scan(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_standard_input(scan):
    result = scan("-", stdin=MODEL)
    assert result.stdout.startswith("<stdin>:3:7 RSW101 nn.LSTM -> JANET\n")


def test_another_cell_and_source_decide_what_is_found(scan):
    write("m.py", "import rnnswap\nx = rnnswap.JANET(8, 16)\n")
    assert scan("m.py").stdout == ""
    assert "rnnswap.JANET -> IndRNN" in scan("--source", "janet", "--cell", "indrnn").stdout
    assert "rnnswap.JANET -> LSTM" in scan("--cell", "lstm").stdout


def in_shell(command):
    return subprocess.run(
        ["sh", "-c", command.format(scan=f"{sys.executable} -m rnnswap scan")],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_device_is_one_sentence(scan):
    write("m.py", MODEL)
    result = in_shell("{scan} >/dev/full")
    assert result.returncode == 123
    assert result.stderr == "<stdout> RSW906 cannot be written: no space left on device\n"


def test_a_reader_that_goes_away_is_no_traceback(scan):
    for n in range(30):
        write(f"m{n}.py", MODEL)
    result = in_shell("{scan} --jobs 1 | head -1")
    assert "Traceback" not in result.stderr
    assert result.stdout.count("\n") == 1


def test_scan_imports_no_torch_and_libcst_only_for_a_match(scan):
    write("m.py", "x = 1\n")
    code = (
        "import sys\nfrom rnnswap.cli import main\nmain(['scan'], standalone_mode=False)\n"
        "print([m for m in ('torch', 'rich', 'libcst', 'importlib_metadata') if m in sys.modules])"
    )
    for content, expected in ("x = 1\n", "[]"), (MODEL, "['libcst']"):
        write("m.py", content)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment
        )
        assert done.stdout.splitlines()[-1] == expected, done.stderr
