"""`rnnswap train` as typed: options, exit codes, and whose stream is whose."""

import os
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner

from rnnswap.cli import main

TRAINING = """
import sys
import torch
from torch import nn

if __name__ == "__main__":
    rnn = nn.LSTM(3, 5)
    optimizer = torch.optim.SGD(rnn.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        rnn(torch.ones(6, 2, 3))[0].square().sum().backward()
        optimizer.step()
    print(type(rnn).__name__, sys.argv[1:])
"""


@pytest.fixture
def script(tmp_path):
    """Write a script into the folder where the command runs; return its name."""

    def write(text, name="script.py"):
        (tmp_path / name).write_text(textwrap.dedent(text), "utf-8")
        return name

    return write


@pytest.fixture
def rnnswap(tmp_path, monkeypatch):
    """Run the command inside this process; return code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def run(*args):
        result = CliRunner().invoke(main, args)
        return result.exit_code, result.stdout, result.stderr

    return run


def in_own_process(*args, cwd, **options):
    command = [sys.executable, "-m", "rnnswap", *args]
    # Buffered, as a user's python is, whatever this one's environment says.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    return subprocess.run(command, cwd=cwd, env=env, text=True, timeout=240, **options)


def test_command_in_a_process_of_its_own(tmp_path, script):
    """In one file for both streams the script's output stands first; a forked child adds none."""
    forks = "    import os\n    if not os.fork(): sys.exit(0)\n    os.wait()\n"
    name = script(TRAINING.replace("print(", forks + "    print(") + "    sys.exit(5)\n")
    with (tmp_path / "log").open("w") as log:
        done = in_own_process("train", name, "--help", cwd=tmp_path, stdout=log, stderr=log)
    assert done.returncode == 5
    log = (tmp_path / "log").read_text()
    assert log.startswith("LSTM ['--help']\nrnnswap train script.py\n")
    assert log.count("rnnswap train") == 1


def test_script_runs_with_cell_and_clipping(rnnswap, script):
    code, out, err = rnnswap("train", "--cell", "janet", "--clip", "norm:0.01", script(TRAINING))
    assert (code, out) == (0, "JANET []\n")
    assert "cell           janet, 1 layer swapped\n" in err
    assert "script.py:7  LSTM(3, 5) -> JANET(3, 5)" in err
    assert "norm:0.01 acted in 2 of 2 steps (100.0%)" in err


def test_arguments_after_the_script_are_the_scripts(rnnswap, script):
    given = ["--help", "--cell", "x", "-v", "--", "--clip=none", "a b"]
    code, out, err = rnnswap("train", script(TRAINING), *given)
    assert (code, out) == (0, f"LSTM {given}\n")
    assert "  cell           nn.LSTM as it is\n" in err
    assert "clipping       none\n" in err


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ([], ["--cell", "janet"], ["--cell"]),
        ([], ["-v", "--clip=norm:1.0", "--attention", "soft"], ["--attention", "--clip"]),
        ([], ["--cell-arg", "beta=1"], ["--cell-arg"]),
        (["--clip", "none"], ["--clip", "0.25"], []),
        (["--cell", "lstm"], ["--cell", "x", "--clip", "1"], ["--clip"]),
        ([], ["--help", "--celll", "cell", "--", "--cell"], []),
    ],
)
def test_option_of_ours_after_the_script_is_pointed_out(rnnswap, script, before, after, named):
    _, out, err = rnnswap("train", *before, script(TRAINING), *after)
    assert out == f"LSTM {after}\n"
    assert [line for line in err.splitlines() if "after SCRIPT" in line] == [
        f"{name} after SCRIPT went to the script; write it before SCRIPT" for name in named
    ]


@pytest.mark.parametrize("options", [["--attention", "soft"], ["--cell", "lstm"]])
def test_lstm_itself_counts_as_a_cell(rnnswap, script, options):
    code, _, err = rnnswap("train", *options, script(TRAINING))
    assert code == 0
    assert "lstm" in err
    assert "1 layer swapped" in err


def test_cell_arguments_are_parsed_and_passed(rnnswap, script):
    code, _, err = rnnswap(
        "train", "--cell", "indrnn", "--cell-arg", "nonlinearity=tanh", script(TRAINING)
    )
    assert code == 0
    assert "tanh" in err


def test_module_is_run_by_name(rnnswap, tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__main__.py").write_text(TRAINING)
    code, out, err = rnnswap("train", "--cell", "janet", "-m", "pack", "-m", "--epochs", "3")
    assert (code, out) == (0, "JANET ['-m', '--epochs', '3']\n")
    assert "rnnswap train -m pack\n" in err


def test_max_steps_ends_the_script_early(rnnswap, script):
    code, out, err = rnnswap("train", "--max-steps", "1", script(TRAINING))
    assert (code, out) == (0, "")
    assert "steps          1 in " in err
    assert "stopped after 1 step, as --max-steps asked\n" in err
    code, out, err = rnnswap("train", "--max-steps", "3", script(TRAINING))
    assert (code, out) == (0, "LSTM []\n")
    assert "stopped" not in err


def test_seed_is_set_before_the_script_starts(rnnswap, script):
    text = "import random, numpy, torch\nprint(random.random(), numpy.random.rand(), torch.rand(1))"
    name = script(f"{text}\n{NO_LAYER}")
    first, again, other = (rnnswap("train", "--seed", n, name)[1] for n in "001")
    assert first == again
    assert all(a != b for a, b in zip(first.split(), other.split(), strict=True))


NO_STEP = "import torch; torch.nn.LSTM(2, 3)"
NO_LAYER = """
import torch
weight = torch.nn.Parameter(torch.ones(2))
weight.sum().backward()
torch.optim.SGD([weight]).step()
"""


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        (NO_STEP, ["--cell", "janet"], "nothing was trained: the script made no optimizer step"),
        (NO_STEP, [], "nothing was trained: the script made no optimizer step"),
        (NO_LAYER, ["--cell", "janet"], "nothing was swapped: the script constructed no"),
        (NO_LAYER, ["--cell", "lstm"], "nothing was swapped: the script constructed no"),
        (NO_LAYER, ["--attention", "soft"], "nothing was swapped: the script constructed no"),
        ("pass", ["--clip", "value:1.0"], "nothing was trained: the script made no"),
    ],
)
def test_run_without_effect_exits_3(rnnswap, script, text, options, sentence):
    code, out, err = rnnswap("train", *options, script(text))
    assert (code, out) == (3, "")
    assert sentence in err.splitlines()[-1]


def test_layer_is_not_asked_for_without_a_cell(rnnswap, script):
    assert rnnswap("train", script(NO_LAYER))[0] == 0


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("text", "expected", "line"),
    [
        ("import sys; sys.exit(7)", 7, None),
        ("import sys; sys.exit('no data')", 1, "no data"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", 130, "KeyboardInterrupt"),
    ],
)
def test_failing_script_keeps_its_code_and_is_still_reported(rnnswap, script, text, expected, line):
    code, out, err = rnnswap("train", "--cell", "janet", script(text))
    assert (code, out) == (expected, "")
    if line is not None:
        assert line in err.splitlines()
    assert "rnnswap train script.py\n  cell           janet, 0 layers swapped\n" in err
    assert "nothing was" not in err


def test_closed_stdout_does_not_hide_the_screen(tmp_path, script):
    # In a process of its own: CliRunner flushes what the script closed before click 8.4.
    path = script("import sys; sys.stdout.close(); sys.exit(6)")
    done = in_own_process("train", path, cwd=tmp_path, capture_output=True)
    assert done.returncode == 6
    assert "rnnswap train script.py" in done.stderr


@pytest.mark.parametrize(
    "leave", ["os.chdir('/')", "os.mkdir('d'); os.chdir('d'); os.rmdir('../d')"]
)
def test_places_are_relative_to_where_the_run_was_started(rnnswap, script, leave):
    code, _, err = rnnswap(
        "train", "--cell", "janet", script(f"import os; {leave}\n" + TRAINING, "fit.py")
    )
    assert code == 0
    assert "                 fit.py:8  LSTM(3, 5)" in err


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["missing.py"], "script 'missing.py' does not exist"),
        (["--clip", "nrm:1", "script.py"], "unknown clipping policy 'nrm'"),
        (["--clip", "norm", "script.py"], "norm takes 1 number, got 0 (write norm:MAX_NORM)"),
        (["--clip", "norm:1,q=2", "script.py"], "'norm' has no option 'q'"),
        (["--cell", "jannet", "script.py"], "unknown cell 'jannet'"),
        (["--attention", "sofd", "script.py"], "unknown attention mechanism 'sofd'"),
        (
            ["--cell", "janet", "--cell-arg", "beta", "script.py"],
            "'beta' is not of the form NAME=VALUE",
        ),
        (["--cell", "janet", "--cell-arg", "beta=x", "script.py"], "beta takes a float, got 'x'"),
        (["--cell", "janet", "--cell-arg", "b=1", "script.py"], "'janet' has no option 'b'"),
        (["--cell-arg", "beta=1", "script.py"], "--cell-arg needs --cell"),
        (["--as-lstm", "script.py"], "--as-lstm needs --cell"),
        (
            ["--cell", "janet", *["--cell-arg", "beta=1"] * 2, "script.py"],
            "'beta' is given twice",
        ),
        (["--cel", "janet", "script.py"], "No such option"),
        ([], "Missing argument 'SCRIPT'"),
        (["--max-steps", "0", "script.py"], "0 is not in the range x>=1"),
        (["--seed", "-1", "script.py"], "-1 is not in the range"),
        (["-m", "nosuch.module"], "module 'nosuch.module' does not exist here nor on sys.path"),
        (["--help"], ""),
    ],
)
def test_misuse_exits_2_with_a_sentence_and_help_with_0_without_torch(
    tmp_path, script, args, sentence
):
    script("print('ran')")
    code = (
        "import sys\nfrom rnnswap.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print('torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "train", *args],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == (2 if sentence else 0)
    assert done.stdout.endswith("False\n")
    assert "ran" not in done.stdout.splitlines()
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_bound_out_of_range_exits_2_before_the_script_runs(rnnswap, script):
    code, out, err = rnnswap("train", "--clip", "norm:-1", script("print('ran')"))
    assert (code, out) == (2, "")
    assert err == (
        "Error: clipping policy 'norm:-1.0': max_norm must be greater than 0, got -1.0\n"
    )


@pytest.mark.slow
def test_thread_that_outlives_the_script_is_swapped_and_clipped(tmp_path, script):
    lines = [line for line in TRAINING.splitlines() if line.startswith("    ")]
    name = script(
        "import sys, threading, time, torch\nfrom torch import nn\n"
        "def train():\n    time.sleep(1)\n"
        + "\n".join(lines)
        + "\nthreading.Thread(target=train).start()\n"
    )
    done = in_own_process(
        "train", "--cell", "janet", "--clip", "norm:0.01", name, cwd=tmp_path, capture_output=True
    )
    assert (done.returncode, done.stdout) == (0, "JANET []\n")
    assert "janet, 1 layer swapped" in done.stderr
    assert "acted in 2 of 2 steps" in done.stderr


@pytest.mark.slow
def test_data_loader_workers_get_the_scripts_classes(tmp_path, script):
    name = script(
        """
        import torch
        from torch.utils.data import DataLoader, Dataset

        class Squares(Dataset):
            def __len__(self): return 6
            def __getitem__(self, index): return Item(index)

        class Item:
            def __init__(self, index): self.value = float(index) ** 2

        def collate(items):
            return [type(i) is Item for i in items], torch.tensor([i.value for i in items])

        if __name__ == "__main__":
            weight = torch.nn.Parameter(torch.ones(()))
            optimizer = torch.optim.SGD([weight], lr=0.0)
            loader = DataLoader(Squares(), batch_size=3, num_workers=1, collate_fn=collate,
                                multiprocessing_context="fork")
            for own, values in loader:
                optimizer.zero_grad()
                (weight * values.sum()).backward()
                optimizer.step()
                print(own, values.tolist())
        """
    )
    done = in_own_process("train", "--clip", "norm:1.0", name, cwd=tmp_path, capture_output=True)
    assert done.stdout == (
        "[True, True, True] [0.0, 1.0, 4.0]\n[True, True, True] [9.0, 16.0, 25.0]\n"
    )
    assert done.returncode == 0
    assert done.stderr.count("acted in 2 of 2 steps") == 1
