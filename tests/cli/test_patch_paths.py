"""`rnnswap patch` on folders, notebooks and many files; where the result goes; what is selected."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from rnnswap.cli import main
from rnnswap.patch.source import jobs, work

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


def write(content, *names):
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def read(name):
    return Path(name).read_text()


def notebook(source):
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": source.splitlines(True)}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4}, indent=1) + "\n"


def test_of_a_folder_only_what_changed_or_failed_gets_a_line_and_all_count(patch):
    write(BEFORE, "src/a.py", "src/sub/b.py", "src/.venv/c.py")
    write("x = 1\n", "src/none.py", "src/sub/none.py")
    write("def f(:  # LSTM\n", "src/bad.py")
    result = patch("src")
    assert result.exit_code == 123
    assert result.stderr.splitlines() == [
        "src/a.py: nn.LSTM -> JANET at 3:7",
        f"src/bad.py:1:7 RSW901 cannot be parsed as {PYTHON}: invalid syntax",
        "src/sub/b.py: nn.LSTM -> JANET at 3:7",
        "2 files rewritten, 2 left unchanged, 1 failed",
    ]
    assert read("src/a.py") == read("src/sub/b.py") == AFTER
    assert read("src/.venv/c.py") == BEFORE


def test_a_broken_file_in_a_folder_that_names_no_class_is_not_parsed(patch):
    write("def f(:\n", "src/old.py")
    result = patch("src")
    assert (result.exit_code, result.stderr) == (0, "0 files rewritten, 1 left unchanged\n")


def test_large_numbers_are_readable(patch):
    for n in range(1100):
        write("", f"src/m{n}.py")
    assert patch("src").stderr == "0 files rewritten, 1,100 left unchanged\n"


def test_gitignore_is_honoured_in_a_folder_and_not_for_a_file_that_is_named(patch):
    write(BEFORE, "src/a.py", "src/skipped.py")
    write("skipped.py\n", "src/.gitignore")
    assert "1 file rewritten, 0 left unchanged" in patch("src").stderr
    assert read("src/skipped.py") == BEFORE
    patch("src/skipped.py")
    assert read("src/skipped.py") == AFTER


def test_links_that_are_not_followed_are_counted(patch):
    write(BEFORE, "other/a.py", "src/b.py")
    Path("src/a.py").symlink_to("../other/a.py")
    result = patch("src")
    assert "1 symbolic link in folders not followed; name what they lead to" in result.stderr
    assert read("other/a.py") == BEFORE
    patch("src/a.py")
    assert read("other/a.py") == AFTER
    assert Path("src/a.py").is_symlink()


def test_a_notebook_is_rewritten_in_place_and_its_diff_applies(patch):
    write(notebook(BEFORE), "n.ipynb")
    diff = patch("--diff", "n.ipynb")
    assert read("n.ipynb") == notebook(BEFORE)
    assert diff.stderr.startswith("n.ipynb: would be rewritten: nn.LSTM -> JANET at cell 1:3:7\n")
    assert patch("n.ipynb").exit_code == 0
    assert read("n.ipynb") == notebook(AFTER)
    write(notebook(BEFORE), "n.ipynb")
    subprocess.run(["git", "apply", "-p0", "-"], input=diff.stdout_bytes, check=True)
    assert read("n.ipynb") == notebook(AFTER)


def test_a_notebook_on_standard_input_comes_out_as_one(patch):
    assert patch("-", stdin=notebook(BEFORE)).stdout == notebook(AFTER)


def test_output_goes_elsewhere_and_the_source_stays(patch):
    write(BEFORE, "m.py")
    Path("m.py").chmod(0o750)
    result = patch("m.py", "-o", "new.py")
    assert result.exit_code == 0
    assert (read("m.py"), read("new.py")) == (BEFORE, AFTER)
    assert Path("new.py").stat().st_mode & 0o777 == 0o750
    assert result.stderr.startswith("m.py, written to new.py: nn.LSTM -> JANET at 3:7\n")
    assert patch("m.py", "-o", "-").stdout == AFTER
    assert patch("-", "-o", "third.py", stdin=BEFORE).stdout == ""
    assert read("third.py") == AFTER
    assert Path("third.py").stat().st_mode & 0o777 == 0o666 & ~umask()


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_output_is_complete_where_nothing_changes(patch):
    write("x = 1\n", "m.py")
    patch("m.py", "-o", "new.py")
    assert read("new.py") == "x = 1\n"
    assert patch("m.py", "--output", "-").stdout == "x = 1\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["m.py", "m.py", "-o", "x.py"], "-o takes one path, got 2"),
        (["src", "-o", "x.py"], "-o takes a file, 'src' is a folder"),
        (["m.py", "-o", "src"], "-o 'src' is not a file's name"),
        (["m.py", "-o", ""], "-o '' is not a file's name"),
        (["m.py", "-o", "x.py", "--diff"], "-o cannot go with --diff or --check"),
        (["m.py", "-o", "x.py", "--check"], "-o cannot go with --diff or --check"),
        (["m.py", "--select", "RSW4"], "no code begins with 'RSW4'"),
    ],
)
def test_misuse_exits_2_and_touches_nothing(patch, arguments, message):
    write(BEFORE, "m.py")
    Path("src").mkdir()
    result = patch(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert read("m.py") == BEFORE
    assert not Path("x.py").exists()


def test_output_replaces_no_device_and_no_pipe(patch):
    write(BEFORE, "m.py")
    os.mkfifo("pipe")
    result = patch("m.py", "-o", "pipe")
    assert result.exit_code == 123
    assert "pipe RSW903 is not a regular file" in result.stderr
    result = patch("m.py", "-o", "missing/x.py")
    assert "missing/x.py RSW906 cannot be written: no such file or directory" in result.stderr


USES = (
    "from torch.nn import LSTM\nrnn = LSTM(8, 16)\nkinds = {'lstm': LSTM}\n"
    "class Mine(LSTM): pass\nrnn.load_state_dict(x)\n"
)


@pytest.mark.parametrize(
    ("options", "call", "reference", "base", "looks"),
    [
        ([], "JANET", "JANET", "JANET", True),
        (["--select", "RSW101,RSW3"], "JANET", "LSTM", "LSTM", True),
        (["--ignore", "RSW102"], "JANET", "LSTM", "JANET", True),
        (["--ignore", "RSW103", "--ignore", "RSW3"], "JANET", "JANET", "LSTM", False),
        (["--select", "RSW103"], "LSTM", "LSTM", "JANET", False),
        (["--ignore", "RSW1"], "LSTM", "LSTM", "LSTM", False),
    ],
)
def test_what_is_not_selected_is_neither_rewritten_nor_reported(
    patch, options, call, reference, base, looks
):
    write(USES, "m.py")
    result = patch("m.py", *options)
    assert result.exit_code == 0
    text = read("m.py")
    assert f"rnn = {call}(8, 16)" in text
    assert f"'lstm': {reference}}}" in text
    assert f"class Mine({base})" in text
    assert ("import LSTM" in text) is ("LSTM" in (call, reference, base))
    assert ("RSW302" in result.stderr) is looks
    compile(text, "m.py", "exec")


def test_nothing_selected_is_said(patch):
    write(BEFORE, "m.py")
    result = patch("m.py", "--ignore", "RSW1")
    assert result.stderr.startswith("m.py: nothing to do, ")
    assert read("m.py") == BEFORE


def test_clipping_goes_into_the_training_loop_unless_it_is_not_selected(patch):
    loop = (
        "import torch\nfrom torch import nn\nrnn = nn.LSTM(8, 16)\n"
        "optimizer = torch.optim.SGD(rnn.parameters(), lr=0.1)\n"
        "for x in data:\n    rnn(x)[0].sum().backward()\n    optimizer.step()\n"
    )
    write(loop, "m.py")
    patch("m.py", "--clip", "norm:1.0", "--ignore", "RSW104")
    assert "clip_grad_norm_" not in read("m.py")
    write(loop, "m.py")
    assert "RSW104" in CliRunner().invoke(main, ["scan", "m.py", "--clip", "norm:1.0"]).stdout
    result = patch("m.py", "--clip", "norm:1.0")
    assert result.exit_code == 0
    assert "clip_grad_norm_" in result.stderr
    body = read("m.py")
    assert body.index(".backward()") < body.index("clip_grad_norm_(") < body.index(".step()")


def test_nothing_to_clip_is_said(patch):
    write("x = 1\n", "m.py")
    nothing = "m.py: nothing to do, no use of torch.nn.LSTM found, nor an optimizer's step\n"
    said = patch("m.py", "--clip", "norm:1.0").stderr
    assert said.startswith(nothing)
    assert said.splitlines()[1].startswith("no optimizer's step found to clip at; run the program ")
    assert "`rnnswap train --clip norm:1.0`" in said
    said = patch("m.py", "--clip", "agc:0.01").stderr.splitlines()[1]
    assert said.startswith("no optimizer found to clip at; run the program with `rnnswap train")


TRAINER = "from transformers import Trainer\nTrainer(model=model).train()\n"


@pytest.mark.parametrize(
    ("text", "options", "is_said"),
    [
        (TRAINER, (), False),
        (TRAINER, ("--ignore", "RSW214"), True),
        ("optimizer.step()\n", (), False),
        ("x = 1\n", ("--diff",), True),
        ("from torch.nn import LSTM\nx = LSTM(1, 2)\n", (), True),
        ("optimizer.step(\n", (), False),
    ],
)
def test_one_line_says_what_to_do_where_no_file_has_a_step(patch, text, options, is_said):
    write(text, "folder/m.py")
    write("y = 1\n", "folder/other.py")
    words = "run the program with `rnnswap train --clip norm:1.0`"
    assert patch("folder", "--clip", "norm:1.0", *options).stderr.count(words) == is_said
    assert words not in patch("folder", *options).stderr


def test_a_source_over_the_limit_is_refused_and_one_that_names_no_class_is_not(patch):
    write(BEFORE + "#" * 1000, "big.py")
    write("x = (\n" + "#" * 1000, "plain.py")
    result = patch("big.py", "plain.py", "--max-size", "1kB")
    assert result.exit_code == 123
    assert result.stderr.splitlines() == [
        "big.py RSW907 is larger than 1000 bytes (1043 bytes); "
        "if it is to be rewritten all the same, raise --max-size",
        "plain.py: nothing to do, no use of torch.nn.LSTM found",
        "0 files rewritten, 1 left unchanged, 1 failed",
    ]
    assert patch("-", "--max-size", "1kB", stdin=BEFORE + "#" * 1000).exit_code == 123
    assert patch(".", "--max-size", "1kB").exit_code == 123
    assert patch("big.py", "--max-size", "1.1kB").exit_code == 0


def test_of_a_notebook_the_code_counts_not_the_pictures(patch):
    content = json.loads(notebook(BEFORE))
    content["cells"][0]["outputs"] = ["x" * 3000]
    write(json.dumps(content), "n.ipynb")
    assert patch("n.ipynb", "--max-size", "2kB").exit_code == 0
    write(notebook(BEFORE + "#" * 1000), "n.ipynb")
    assert "n.ipynb RSW907" in patch("n.ipynb", "--max-size", "1kB").stderr


@pytest.mark.parametrize("number", [1, 3])
def test_the_outcome_is_the_same_in_any_number_of_processes(patch, number):
    names = [f"src/m{n:02}.py" for n in range(12)]
    write(BEFORE, *names)
    write("LSTM = (", "src/m05.py")
    result = patch("src", "missing.py", "--jobs", str(number))
    assert result.exit_code == 123
    lines = [f"{name}: nn.LSTM -> JANET at 3:7" for name in names]
    lines[5] = f"src/m05.py:1:8 RSW901 cannot be parsed as {PYTHON}: '(' was never closed"
    missing = "missing.py RSW903 cannot be read: no such file or directory"
    total = "11 files rewritten, 0 left unchanged, 2 failed"
    assert result.stderr.splitlines() == [*lines, missing, total]
    assert all(read(name) == AFTER for name in names if name != "src/m05.py")


def test_the_diffs_of_several_processes_come_in_order(patch):
    names = [f"src/m{n}.py" for n in range(8)]
    write(BEFORE, *names)
    diff = patch("src", "--jobs", "2", "--diff").stdout
    assert [line for line in diff.splitlines() if line.startswith("---")] == [
        f"--- {name}" for name in names
    ]


def test_a_failure_of_our_own_is_a_sentence_and_the_others_go_on(patch, monkeypatch):
    write(BEFORE, "a.py", "b.py")

    def rewrite(text, plan, path):
        if path == "a.py":
            raise KeyError("on purpose")
        return real(text, plan, path)

    real = work.rewrite
    monkeypatch.setattr(work, "rewrite", rewrite)
    result = patch("a.py", "b.py")
    assert result.exit_code == 123
    assert result.stderr.startswith("a.py RSW908 rnnswap failed: KeyError: 'on purpose' (test_")
    assert (read("a.py"), read("b.py")) == (BEFORE, AFTER)


@pytest.mark.skipif(sys.platform != "linux", reason="only forked processes have what is replaced")
def test_a_process_that_dies_costs_its_file_alone(patch, monkeypatch):
    names = [f"m{n}.py" for n in range(10)]
    write(BEFORE, *names)
    here = os.getpid()

    def rewrite(text, plan, path):
        if path == "m4.py":
            assert os.getpid() != here
            os.kill(os.getpid(), signal.SIGKILL)
        return real(text, plan, path)

    real = work.rewrite
    monkeypatch.setattr(work, "rewrite", rewrite)
    import rnnswap.patch.source.transform  # noqa: F401  (work is shared once libcst is there)

    result = patch(*names, "--jobs", "2")
    assert result.exit_code == 123
    assert result.stderr.splitlines()[4] == (
        "m4.py RSW908 the process that worked on it was killed, perhaps for want of memory"
    )
    assert [read(n) == AFTER for n in names] == [n != "m4.py" for n in names]


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("_new_pool", NotImplementedError("no semaphores")),
        ("_new_pool", OSError(11, "again")),
        ("submit", OSError(11, "again")),
    ],
)
def test_where_no_process_can_be_started_the_work_is_done_here(patch, monkeypatch, error, where):
    import concurrent.futures

    names = [f"m{n}.py" for n in range(6)]
    write(BEFORE, *names)

    def refuse(*arguments):
        raise error

    if where == "submit":
        monkeypatch.setattr(concurrent.futures.ProcessPoolExecutor, "submit", refuse)
    else:
        monkeypatch.setattr(jobs, "_new_pool", refuse)
    import rnnswap.patch.source.transform  # noqa: F401

    assert patch(*names, "--jobs", "2").exit_code == 0
    assert all(read(name) == AFTER for name in names)


def test_a_name_with_control_characters_stays_on_its_line(patch):
    write(BEFORE, "a\nb\x1b[31m.py")
    result = patch(".")
    assert result.stderr.splitlines()[0] == "a\\nb\\x1b[31m.py: nn.LSTM -> JANET at 3:7"
    write(BEFORE, "a\nb\x1b[31m.py")
    scanned = CliRunner().invoke(main, ["scan", "."]).stdout
    assert scanned.startswith("a\\nb\\x1b[31m.py:3:7 RSW101")


def test_few_files_and_files_without_a_match_start_no_process(patch, monkeypatch):
    write(BEFORE, "a.py", "b.py", "c.py")
    write("x = 1\n", *(f"n{n}.py" for n in range(20)))
    monkeypatch.setattr(jobs, "_new_pool", lambda *arguments: pytest.fail("a pool was made"))
    assert patch("a.py", "b.py", "c.py", "--jobs", "4").exit_code == 0
    code = (
        "from rnnswap.cli import main\nfrom rnnswap.patch.source import jobs\n"
        "jobs._new_pool = None\n"
        "main(['patch', '--jobs', '4', *(f'n{n}.py' for n in range(20))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def on_a_terminal(arguments):
    """Runs the command with a terminal as stderr; returns what it shows and what stdout got."""
    master, slave = pty.openpty()
    shown = bytearray()

    def collect():
        while True:
            try:
                data = os.read(master, 1 << 16)
            except OSError:
                return
            if not data:
                return
            shown.extend(data)

    reader = threading.Thread(target=collect)
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=slave, env=environment
    ) as process:
        os.close(slave)
        reader.start()
        output = process.stdout.read()
    reader.join()
    os.close(master)
    return shown.decode(), output.decode()


def test_on_a_terminal_a_bar_shows_the_way_and_leaves_no_trace_in_the_results(patch):
    write(BEFORE, *(f"src/m{n:03}.py" for n in range(0, 200, 20)))
    write("x = 1\n", *(f"src/m{n:03}.py" for n in range(200) if n % 20))
    code = (
        "import rnnswap.cli._progress as p\np._PATIENCE = p._PERIOD = 0\n"
        "from rnnswap.cli import main\nmain(['patch', '--diff', '--jobs', '1', 'src'])"
    )
    shown, output = on_a_terminal(["-c", code])
    assert "100/200" in shown
    assert "10 files would be rewritten, 190 would be left unchanged" in shown
    assert output.count("+rnn = JANET(8, 16)") == 10
    assert "files" not in output
    code = code.replace("_PATIENCE = p._PERIOD = 0", "_PATIENCE = 1000")
    assert "/200" not in on_a_terminal(["-c", code])[0]


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_all_processes(patch):
    text = BEFORE + "".join(f"\ndef f{n}(x):\n    return [x, {n}, (x + {n})]\n" for n in range(300))
    write(text, *(f"src/m{n}.py" for n in range(40)))
    with subprocess.Popen(
        [sys.executable, "-m", "rnnswap", "patch", "--jobs", "2", "src"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        for _ in range(3):
            line = process.stderr.readline()
        assert "JANET" in line
        # As a terminal does: to every process of the group.
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(timeout=60) == -signal.SIGINT
    assert rest.endswith("interrupted\n")
    assert "Traceback" not in rest
    time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    contents = {read(path) for path in Path("src").iterdir()}
    assert len(contents) == 2
