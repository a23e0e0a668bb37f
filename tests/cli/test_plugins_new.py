"""`rnnswap plugins new`: what it writes installs, registers itself and passes its own tests."""

import subprocess
import sys
import tomllib

import pytest
from click.testing import CliRunner
from projects import environment, install

import rnnswap
from rnnswap.cli import main


def new(folder, *arguments):
    return CliRunner().invoke(main, ["plugins", "new", "--into", str(folder), *arguments])


def python(folder, *arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "tried"),
    [
        ("cell", ["patch", "--cell", "my-own", "model.py"]),
        ("attention", ["patch", "--attention", "my-own", "model.py"]),
        ("clip", ["train", "--clip", "my-own:2.5", "train.py"]),
    ],
)
def test_the_package_passes_its_own_tests_and_serves_the_commands(tmp_path, kind, tried):
    result = new(tmp_path, "my-own", "--kind", kind)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "rnnswap-my-own"
    assert f"pip install -e {folder}" in result.stdout
    project = install(folder, folder)
    assert project["dependencies"][0] == f"rnnswap>={rnnswap.__version__}"

    tests = python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert tests.returncode == 0, tests.stdout
    assert " passed" in tests.stdout
    listed = python(folder, "-X", "importtime", "-m", "rnnswap", "plugins")
    assert "my-own" in listed.stdout
    assert "torch" not in {line.rsplit("|")[-1].strip() for line in listed.stderr.splitlines()}

    (folder / "model.py").write_text("from torch import nn\n\nrnn = nn.LSTM(3, 4)\n")
    (folder / "train.py").write_text(
        "import torch\n\nw = torch.nn.Parameter(torch.ones(3))\n"
        "optimizer = torch.optim.SGD([w], lr=0.1)\nw.square().sum().backward()\noptimizer.step()\n"
    )
    done = python(folder, "-m", "rnnswap", *tried)
    assert done.returncode == 0, done.stderr
    if kind == "cell":
        assert "from rnnswap_my_own.cell import MyOwn" in (folder / "model.py").read_text()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Bad", "name 'Bad' is not lower case letters, digits and single hyphens"),
        ("a--b", "name 'a--b' is not lower case"),
        ("a-", "name 'a-' is not lower case"),
        ("janet", "cell 'janet' is already provided by rnnswap 0.1.0"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(tmp_path, name, reason):
    result = new(tmp_path, name)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_left_alone(tmp_path):
    (tmp_path / "rnnswap-mine").mkdir()
    result = new(tmp_path, "mine")
    assert result.exit_code == 2
    assert "rnnswap-mine exists already; nothing was written" in result.stderr
    assert not list((tmp_path / "rnnswap-mine").iterdir())


@pytest.mark.parametrize(
    ("name", "kind", "line"),
    [
        ("none", "cell", "class NoneLayer(rnnswap.RecurrentLayer):"),
        ("two-words", "attention", "class TwoWordsAttention(Attention):"),
        ("janet", "clip", "class JanetClip(ClipPolicy):"),
        ("my-clip", "clip", "class MyClip(ClipPolicy):"),
    ],
)
def test_class_names(tmp_path, name, kind, line):
    assert new(tmp_path, name, "--kind", kind).exit_code == 0
    folder = tmp_path / f"rnnswap-{name}"
    module = folder / f"rnnswap_{name.replace('-', '_')}" / f"{kind}.py"
    assert line in module.read_text().splitlines()
    entries = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["entry-points"]
    assert list(entries["rnnswap"].values()) == [f"rnnswap_{name.replace('-', '_')}.plugin"]
