"""`rnnswap patch`: files, streams, exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rnnswap.cli import main

BEFORE = "from torch import nn\n\nrnn = nn.LSTM(8, 16)\n"
PYTHON = f"Python 3.{sys.version_info.minor}"
AFTER = "from torch import nn\nfrom rnnswap import JANET\n\nrnn = JANET(8, 16)\n"


@pytest.fixture
def patch(tmp_path, monkeypatch):
    """Runs the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, stdin=None):
        return CliRunner().invoke(main, ["patch", *arguments], input=stdin)

    return run


def write(name, content):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())


def read(name):
    return Path(name).read_bytes()


def test_a_file_is_rewritten_in_place(patch):
    write("m.py", BEFORE)
    result = patch("m.py")
    assert result.exit_code == 0
    assert read("m.py") == AFTER.encode()
    assert result.stdout == ""
    assert result.stderr == "m.py: nn.LSTM -> JANET at 3:7\n1 file rewritten, 0 left unchanged\n"


def test_a_second_run_changes_nothing(patch):
    write("m.py", BEFORE)
    patch("m.py")
    status = Path("m.py").stat()
    result = patch("m.py")
    assert result.exit_code == 0
    assert Path("m.py").stat() == status
    assert result.stderr == (
        "m.py: nothing to do, no use of torch.nn.LSTM found\n0 files rewritten, 1 left unchanged\n"
    )


def test_places_are_grouped_and_findings_named(patch):
    write(
        "m.py",
        "import torch\nfrom torch import nn\na = nn.LSTM(1, 2)\nb = nn.LSTM(1, 2)\n"
        "c = torch.nn.LSTM(1, 2)\nd = getattr(nn, name)\na.load_state_dict(x)\n",
    )
    assert patch("m.py").stderr.splitlines() == [
        "m.py: nn.LSTM -> JANET at 3:5, 4:5; torch.nn.LSTM -> JANET at 5:5",
        "m.py:6:5 RSW202 getattr(nn, name) kept: which class it is shows only at run time",
        "m.py:7:1 RSW302 a checkpoint of LSTM does not fit janet",
        "1 file rewritten, 0 left unchanged",
    ]


def test_a_file_that_does_not_parse_is_named_even_without_an_lstm(patch):
    write("bad.py", "def f(:\n")
    result = patch("bad.py")
    assert result.exit_code == 123
    assert "bad.py:1:7 RSW901 cannot be parsed as Python 3" in result.stderr


def test_what_is_left_is_said(patch):
    write("m.py", "from torch import nn\nx = getattr(nn, 'LSTM')\n")
    result = patch("m.py")
    assert result.exit_code == 0
    assert result.stderr.splitlines()[0] == "m.py: left as it is"


def test_check_does_not_write_and_exits_1(patch):
    write("m.py", BEFORE)
    result = patch("--check", "m.py")
    assert result.exit_code == 1
    assert read("m.py") == BEFORE.encode()
    assert result.stdout == ""
    assert result.stderr == (
        "m.py: would be rewritten: nn.LSTM -> JANET at 3:7\n"
        "1 file would be rewritten, 0 would be left unchanged\n"
    )


def test_check_of_a_finished_file_exits_0(patch):
    write("m.py", AFTER)
    assert patch("--check", "m.py").exit_code == 0


def test_diff_does_not_write_and_exits_0(patch):
    write("m.py", BEFORE)
    result = patch("--diff", "m.py")
    assert result.exit_code == 0
    assert read("m.py") == BEFORE.encode()
    assert result.stdout == (
        "--- m.py\n+++ m.py\n@@ -1,3 +1,4 @@\n from torch import nn\n+from rnnswap import JANET\n"
        " \n-rnn = nn.LSTM(8, 16)\n+rnn = JANET(8, 16)\n"
    )


def test_diff_and_check_combine(patch):
    write("m.py", BEFORE)
    result = patch("--diff", "--check", "m.py")
    assert result.exit_code == 1
    assert "+rnn = JANET(8, 16)" in result.stdout


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_the_diff_can_be_applied(patch, newline, end):
    text = "# coding: latin-1\nname = 'ä'\n" + BEFORE.rstrip("\n") + end
    write("m.py", text.replace("\n", newline).encode("latin-1"))
    diff = patch("--diff", "m.py").stdout_bytes
    patch("m.py")
    expected = read("m.py")
    write("m.py", text.replace("\n", newline).encode("latin-1"))
    done = subprocess.run(
        ["git", "apply", "-p0", "-"], input=diff, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert read("m.py") == expected


def test_standard_input_goes_to_standard_output(patch):
    result = patch("-", stdin=BEFORE.replace("\n", "\r\n").encode())
    assert result.exit_code == 0
    assert result.stdout_bytes == AFTER.replace("\n", "\r\n").encode()
    assert result.stderr.startswith("<stdin>: nn.LSTM -> JANET at 3:7\n")


def test_standard_input_with_nothing_to_do_comes_out_as_it_went_in(patch):
    assert patch("-", stdin=b"x = '\xc3\xa4'").stdout_bytes == b"x = '\xc3\xa4'"


def test_standard_input_under_check_and_diff(patch):
    assert patch("-", "--check", stdin=BEFORE.encode()).stdout == ""
    assert "--- <stdin>\n+++ <stdin>\n" in patch("-", "--diff", stdin=BEFORE.encode()).stdout


def test_bad_standard_input_prints_nothing_and_exits_123(patch):
    result = patch("-", stdin=b"LSTM = (")
    assert (result.exit_code, result.stdout) == (123, "")
    assert result.stderr.startswith(f"<stdin>:1:8 RSW901 cannot be parsed as {PYTHON}: ")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("LSTM = 1\nprint 'x'\n", f"bad.py:2:1 RSW901 cannot be parsed as {PYTHON}: "),
        (b"LSTM = '\xff'\n", "bad.py:1:9 RSW902 cannot be decoded as utf-8: byte 0xff"),
        (b"# coding: klingon\nLSTM\n", "bad.py RSW902 cannot be decoded: unknown encoding"),
        (b"LSTM\n\x00\n", f"bad.py:2:1 RSW901 cannot be parsed as {PYTHON}: "),
    ],
)
def test_a_bad_file_is_left_and_the_others_go_on(patch, content, line):
    write("bad.py", content)
    before = read("bad.py")
    write("m.py", BEFORE)
    result = patch("bad.py", "m.py", "--cell", "janet")
    assert result.exit_code == 123
    assert read("bad.py") == before
    assert read("m.py") == AFTER.encode()
    assert result.stderr.startswith(line)
    assert result.stderr.endswith("1 file rewritten, 0 left unchanged, 1 failed\n")


def test_a_missing_file_is_named(patch):
    result = patch("missing.py")
    assert result.exit_code == 123
    assert result.stderr.splitlines() == [
        "missing.py RSW903 cannot be read: no such file or directory",
        "0 files rewritten, 0 left unchanged, 1 failed",
    ]


def test_unreadable_beats_check(patch):
    write("m.py", BEFORE)
    assert patch("--check", "m.py", "missing.py").exit_code == 123


def test_a_file_given_twice_counts_once(patch):
    write("m.py", BEFORE)
    assert patch("m.py", "m.py").stderr.endswith("1 file rewritten, 0 left unchanged\n")


def test_the_way_back(patch):
    write("m.py", BEFORE)
    patch("m.py", "--cell", "indrnn", "--cell-arg", "nonlinearity=tanh")
    assert read("m.py").decode().endswith("rnn = IndRNN(8, 16, nonlinearity='tanh')\n")
    result = patch("m.py", "--cell", "lstm")
    assert read("m.py").decode().endswith("LSTM(8, 16)\n")
    assert "rnnswap" not in read("m.py").decode()
    assert "RSW305 nonlinearity dropped" in result.stderr


def test_attention_and_source(patch):
    write("m.py", BEFORE)
    patch("m.py", "--attention", "soft")
    assert read("m.py").decode().endswith('rnn = with_attention(JANET, "soft")(8, 16)\n')
    patch("m.py", "--source", "janet", "--cell", "indrnn")
    assert read("m.py").decode().endswith('rnn = with_attention(IndRNN, "soft")(8, 16)\n')


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["m.py", "--cell", "jannet"], "unknown cell 'jannet'"),
        (["m.py", "--source", "jannet"], "unknown cell 'jannet'"),
        (["m.py", "--attention", "hard-soft"], "unknown attention mechanism 'hard-soft'"),
        (["m.py", "--cell-arg", "t_max"], "'t_max' is not of the form NAME=VALUE"),
        (["m.py", *("--cell-arg", "t_max=3") * 2], "'t_max' is given twice"),
        (["m.py", "--cell-arg", "t_max=x"], "option t_max takes an int, got 'x'"),
        (["m.py", "--cell-arg", "size=1"], "'janet' has no option 'size'"),
        (["m.py", "--cell", "lstm", "--source", "lstm"], "cell and source are both 'lstm'"),
        ([], "Missing argument 'PATHS...'"),
    ],
)
def test_misuse_exits_2_and_touches_nothing(patch, arguments, message):
    write("m.py", BEFORE)
    result = patch(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert read("m.py") == BEFORE.encode()


def test_every_option_has_help_with_its_default():
    text = CliRunner().invoke(main, ["patch", "--help"]).stdout
    options = [o for o in main.get_command(None, "patch").params if o.param_type_name == "option"]
    assert text.count("[default: ") + text.count("[default:\n") == len(options)
    assert all(option.help for option in options)


@pytest.mark.parametrize(("content", "libcst"), [("x = 1\n", False), (BEFORE, True)])
def test_patch_never_imports_torch_and_libcst_only_to_rewrite(tmp_path, content, libcst):
    path = tmp_path / "m.py"
    path.write_text(content)
    code = (
        "import sys\nfrom rnnswap.cli import main\n"
        f"main(['patch', {str(path)!r}], standalone_mode=False)\n"
        "print([m for m in ('torch', 'rich', 'libcst.codemod', 'libcst') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == ("['libcst']\n" if libcst else "[]\n"), done.stderr


@pytest.mark.parametrize(
    ("text", "options", "hint"),
    [
        (AFTER, ["--cell", "indrnn"], "; it uses rnnswap.JANET: name it with --source janet"),
        (AFTER, [], ""),
        (AFTER.replace("rnnswap", "mine"), ["--cell", "indrnn"], ""),
        ("import rnnswap\n", ["--cell", "indrnn"], ""),
    ],
)
def test_a_file_with_another_cell_gets_a_hint(patch, text, options, hint):
    write("m.py", text)
    result = patch("m.py", *options)
    expected = f"m.py: nothing to do, no use of torch.nn.LSTM found{hint}"
    assert result.stderr.splitlines()[0] == expected


def run_shell(command):
    """Runs `rnnswap patch` as a shell redirects it."""
    python = f"{sys.executable} -m rnnswap patch"
    return subprocess.run(
        ["sh", "-c", command.format(patch=python)], capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("arguments", ["--diff m.py", "- <m.py", "--diff - <m.py"])
def test_a_full_device_is_one_sentence(patch, arguments):
    write("m.py", BEFORE)
    result = run_shell(f"{{patch}} {arguments} >/dev/full")
    assert result.returncode == 123
    assert result.stderr.splitlines() == [
        "<stdout> RSW906 cannot be written: no space left on device",
        f"0 files {'would be ' if 'diff' in arguments else ''}rewritten, "
        f"0 {'would be ' if 'diff' in arguments else ''}left unchanged, 1 failed",
    ]
    assert read("m.py") == BEFORE.encode()


@pytest.mark.parametrize(
    ("redirection", "message"),
    [
        ("<&-", "<stdin> RSW903 cannot be read: standard input is closed"),
        ("<m.py >&-", "<stdout> RSW906 cannot be written: standard output is closed"),
    ],
)
def test_a_closed_stream_is_one_sentence(patch, redirection, message):
    write("m.py", BEFORE)
    result = run_shell(f"{{patch}} - {redirection}")
    assert result.returncode == 123
    assert result.stderr.splitlines()[0] == message
