"""Which commands start the script of a run once more, and what becomes of them."""

import os
import sys

import pytest

from rnnswap.training.process.commands import Run, rewritten, runs_python, words_of

PYTHON = sys.executable
OPTIONS = ("train", "--cell", "janet")
AGAIN = ["-m", "rnnswap", *OPTIONS, "--again"]


@pytest.fixture
def run(tmp_path):
    (tmp_path / "fit.py").write_text("")
    (tmp_path / "other.py").write_text("")
    (tmp_path / "link.py").symlink_to("fit.py")
    (tmp_path / "sub").mkdir()
    return Run("fit.py", False, OPTIONS, str(tmp_path))


def again(run, words, folder=None):
    return rewritten(words, run, run.again(), folder or run.folder)


@pytest.mark.parametrize("script", ["fit.py", "./fit.py", "link.py", "sub/../fit.py"])
@pytest.mark.parametrize(
    "before",
    [
        [PYTHON],
        [PYTHON, "-u"],
        [PYTHON, "-W", "error", "-Xutf8", "-X", "dev", "-Es"],
        [PYTHON, "-Werror", "--check-hash-based-pycs", "never", "-bb"],
        ["env", "A=1", PYTHON],
        ["nohup", "taskset", "-c", "0", PYTHON, "-u"],
        ["torchrun", "--nproc-per-node=2", "--standalone"],
        ["accelerate", "launch", "--num_processes", "2"],
        [PYTHON, "-m", "torch.distributed.run", "--nproc-per-node", "2"],
        [PYTHON, "-um", "torch.distributed.launch"],
    ],
    ids=" ".join,
)
def test_script_is_started_under_the_same_settings(run, before, script):
    words = [*before, script, "--epochs", "3"]
    assert again(run, words) == [*before, *AGAIN, script, "--epochs", "3"]


@pytest.mark.parametrize(
    "words",
    [
        [PYTHON],
        [PYTHON, "other.py", "fit.py"],
        [PYTHON, "no-such.py"],
        [PYTHON, "-c", "fit.py"],
        [PYTHON, "-uc", "fit.py"],
        [PYTHON, "-m", "fit"],
        [PYTHON, "-m", "pytest", "fit.py"],
        [PYTHON, "-m"],
        [PYTHON, "-"],
        ["/elsewhere/bin/python", "fit.py"],
        ["bash", "-c", "python fit.py"],
        ["torchrun", "-m", "fit"],
        ["torchrun", "--no-python", "fit.py"],
        ["torchrun", "other.py"],
        ["cat", "fit.py"],
        [],
    ],
    ids=" ".join,
)
def test_another_command_stays_as_it_is(run, words):
    assert again(run, words) is None


def test_script_is_looked_for_where_the_command_runs(run, tmp_path):
    assert again(run, [PYTHON, "../fit.py"], str(tmp_path / "sub"))
    assert not again(run, [PYTHON, "fit.py"], str(tmp_path / "sub"))
    assert again(run, [PYTHON, str(tmp_path / "fit.py")], str(tmp_path / "sub"))


def test_module_is_started_by_its_name(tmp_path):
    run = Run("pack.fit", True, ("train", "-m"), str(tmp_path))
    options = ["-m", "rnnswap", "train", "-m", "--again"]
    assert again(run, [PYTHON, "-m", "pack.fit", "x"]) == [PYTHON, *options, "pack.fit", "x"]
    assert again(run, [PYTHON, "-umpack.fit"]) == [PYTHON, "-u", *options, "pack.fit"]
    assert again(run, ["torchrun", "-m", "pack.fit", "x"]) == [
        "torchrun",
        *options,
        "pack.fit",
        "x",
    ]
    assert again(run, [PYTHON, "-m", "pack.other"]) is None
    package = Run("pack", True, ("train", "-m"), str(tmp_path))
    assert again(package, [PYTHON, "-m", "pack.__main__"])


def test_options_end_where_they_ended_and_name_one_folder(tmp_path):
    run = Run("-x.py", False, ("train", "--clip", "norm:1", "--"), str(tmp_path))
    assert run.for_child("d") == (
        *("-m", "rnnswap", "train", "--clip", "norm:1", "--child", "d", "--"),
    )
    child = Run("fit.py", False, ("train", "--child", "d"), str(tmp_path))
    assert child.for_child("e") == child.again() == ("-m", "rnnswap", "train", "--child", "d")
    anew = Run("fit.py", False, ("train", "--again"), str(tmp_path))
    assert anew.again() == ("-m", "rnnswap", "train", "--again")


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        ([PYTHON, "x.py"], True),
        (["python3", "-m", "x"], True),
        ("cd /tmp && python3.11 x.py", True),
        (["bash", "-c", "RANK=1 python x.py"], True),
        (["srun", "train.sh"], True),
        (b"python x.py", True),
        (["nvidia-smi"], False),
        (["gcc", "python.c"], False),
        ("it's", False),
        (["python3", "/x/torch/_inductor/compile_worker/__main__.py"], False),
        (7, False),
        ([7], False),
    ],
    ids=str,
)
def test_commands_that_run_python_are_seen(command, runs):
    assert runs_python(words_of(command)) == runs


def test_paths_are_words():
    from pathlib import Path

    assert words_of([Path("a"), b"b", "c"]) == ["a", "b", "c"]
    assert words_of(Path("a")) == [os.fspath(Path("a"))]
