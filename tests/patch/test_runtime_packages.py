"""Published packages that build nn.LSTM inside, at work under `patched`.

Installs them into a virtual environment in RNNSWAP_PACKAGES (default: a folder of the system's
temporary one), runs `package_jobs.py` in it with nn.LSTM and with JANET, and prints
docs/swapping.md's table. Run it with

    RNNSWAP_PYPI=1 pytest -s tests/patch/test_runtime_packages.py
"""

import json
import os
import subprocess
import tempfile
import venv
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not os.environ.get("RNNSWAP_PYPI"),
        reason="installs 2 GB from PyPI: RNNSWAP_PYPI=1 pytest -s " + Path(__file__).name,
    ),
]

PACKAGES = {
    "darts": "0.48.1",
    "flair": "0.15.1",
    "gluonts[torch]": "0.17.0",
    "pypots": "1.5",
    "pytorch-forecasting": "1.8.0",
    "resemblyzer": "0.1.4",
    "sb3-contrib": "2.9.2",
    "tianshou": "2.0.1",
    "torch-geometric": "2.8.1",
}
#: Where a smaller figure is the better one.
ERRORS = {"darts", "gluonts[torch]", "pypots", "pytorch-forecasting", "tianshou"}
#: Whose LSTMs are subclasses.
SUBCLASSED = {"pytorch-forecasting"}
#: That load trained weights, which fit no other cell.
PRETRAINED = {"resemblyzer"}


@pytest.fixture(scope="module")
def python():
    """The interpreter of an environment with the packages, made if it is not there yet."""
    chosen = os.environ.get("RNNSWAP_PACKAGES")
    folder = Path(chosen or Path(tempfile.gettempdir()) / "rnnswap-packages") / "jobs"
    python, pins = folder / "bin" / "python", folder / "pins.txt"
    wanted = [f"torch=={torch.__version__.partition('+')[0]}"]
    wanted += [f"{name}=={version}" for name, version in PACKAGES.items()]
    wanted += ["importlib-metadata>=8", "pluggy>=1.5", "setuptools<81"]
    if not (pins.exists() and pins.read_text() == "\n".join(wanted)):
        venv.create(folder, with_pip=True)
        # torch first: the others take the one that is there. rnnswap for its entry points.
        for chunk in (wanted[:1], wanted, ["--no-deps", str(ROOT)]):
            command = [python, "-m", "pip", "install", "--quiet", *chunk]
            subprocess.run(command, check=True, capture_output=True)
        pins.write_text("\n".join(wanted))
    return python


def outcome(python, package, folder, *cell):
    name = package.partition("[")[0].replace("-", "_")
    done = subprocess.run(
        [python, Path(__file__).with_name("package_jobs.py"), name, *cell],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def learned(package, found):
    better, worse = found["learned"], found["without"]
    return better < worse if package in ERRORS else better > worse


def show(package, plain, swapped):
    """Print a row: package, what was constructed, the job's figures, with and without."""
    kinds = [f"{len(swapped['swapped'])} swapped"] if swapped["swapped"] else []
    kinds += [f"{len(swapped['left'])} left"] if swapped["left"] else []
    figures = [f"{plain['what']}: {plain['without']:.3f}", f"{plain['learned']:.3f}"]
    figures.append("fails" if swapped["error"] else f"{swapped['learned']:.3f}")
    cells = [f"{package.partition('[')[0]} {PACKAGES[package]}", ", ".join(kinds), *figures]
    print("\n| " + " | ".join(cells) + " |")  # noqa: T201  (what the test is run for)


@pytest.mark.parametrize("package", PACKAGES)
def test_package_does_its_work(package, python, tmp_path):
    plain = outcome(python, package, tmp_path)
    assert plain["error"] is None
    assert learned(package, plain)
    under = outcome(python, package, tmp_path, "janet")
    show(package, plain, under)
    # Only the package's own code constructs LSTMs here.
    places = [file for file, *_ in (*under["swapped"], *under["left"])]
    assert places
    assert all("site-packages" in file for file in places)
    if package in SUBCLASSED:
        assert not under["swapped"]
        assert all("subclass of LSTM" in reason for *_, reason in under["left"])
        assert under["learned"] == plain["learned"]
        return
    assert under["swapped"]
    if package in PRETRAINED:
        assert "is of cell JANET, the checkpoint has the weights of an nn.LSTM" in under["error"]
        return
    assert under["error"] is None
    assert learned(package, under)
