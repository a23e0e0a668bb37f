"""A module run by us beside the same module run by `python -m`."""

import subprocess
import sys
import textwrap

import pytest

from rnnswap.errors import ScriptError
from rnnswap.training.process.run import check_module

RUN = (
    "import sys; from rnnswap.training.process.run import run_module; "
    "sys.exit(run_module(sys.argv[1], sys.argv[2:]))"
)
MAIN = """
import pickle, sys
from . import part
class Point:
    def __init__(self, x): self.x = x
print(__name__, __package__, __spec__.name, __file__, __cached__, type(__loader__).__name__)
print(sys.argv, sys.path[0], part.ARGV, pickle.loads(pickle.dumps(Point(4))).x)
sys.exit(5)
"""
FILES = {
    "pack/__init__.py": "",
    "pack/part.py": "import sys; ARGV = [*sys.argv]",
    "pack/__main__.py": MAIN,
    "pack/deep.py": MAIN,
    "plain.py": "import sys; print(__package__, __spec__.name, sys.argv)",
    "spawning.py": """
        import multiprocessing
        class Box: pass
        def work(box): return type(box) is Box
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.apply(work, (Box(),)))
        """,
    "raising.py": "1 / 0",
    "broken.py": "x = (1,",
    "bad/__init__.py": "1 / 0",
    "bad/part.py": "",
    "empty/__init__.py": "",
    # Looks through all modules, while the one to run is not yet found.
    "early/__init__.py": """
        import inspect, sys
        inspect.modulesbyfile.clear()
        print(inspect.getmodule(sys._getframe()).__name__)
        print(hasattr(sys.modules["__main__"], "__file__"))
        """,
    "early/__main__.py": "print(__file__)",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text), "utf-8")
    return tmp_path


def ended(folder, *command):
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


def without_runpy(stderr):
    """Python's own way to a module shows in its tracebacks, ours does not."""
    lines = stderr.splitlines()
    return [line for line in lines if "<frozen runpy>" not in line and "frozen imp" not in line]


@pytest.mark.parametrize(
    "name",
    [
        "pack",
        "pack.deep",
        "plain",
        "spawning",
        "raising",
        "broken",
        "bad.part",
        "empty",
        "early",
        "pack.missing",
        "plain.x",
    ],
)
def test_module_runs_as_python_runs_it(folder, name):
    python = ended(folder, "-m", name, "--help", "-x", "a b")
    ours = ended(folder, "-c", RUN, name, "--help", "-x", "a b")
    assert ours[:2] == python[:2]
    assert without_runpy(ours[2]) == without_runpy(python[2])


def test_module_is_looked_for_without_importing_it(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("pack", "bad"):  # of another test
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in ("pack", "pack.missing", "bad.part", "json.tool", "sys"):
        check_module(name)
    assert not {"pack", "bad"} & {*sys.modules}


@pytest.mark.parametrize(
    ("name", "hint"), [("nopack", ""), ("train.py", "; a file is run without -m"), ("", "")]
)
def test_module_that_is_not_there_is_named(folder, monkeypatch, name, hint):
    monkeypatch.chdir(folder)
    with pytest.raises(ScriptError) as caught:
        check_module(name)
    assert str(caught.value) == f"module {name!r} does not exist here nor on sys.path{hint}"
