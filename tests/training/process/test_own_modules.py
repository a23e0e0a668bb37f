"""Modules of ours are out of a script's sight, and at hand when we need them."""

import importlib
import subprocess
import sys

import projects
import pytest

CELL = """
import rnnswap
import mine_needs
class Mine(rnnswap.RecurrentLayer):
    gates, states = 1, 1
    def step(self, gates_x, state, weights):
        return ((gates_x + state[0]).tanh(),)
"""
PLUGIN = {
    "rnnswap_mine/__init__.py": "",
    "rnnswap_mine/_cell.py": CELL,
    "rnnswap_mine/plugin.py": """
import rnnswap
@rnnswap.hookimpl
def rnnswap_cells():
    return [rnnswap.CellSpec(name="mine", target="HOME:Mine")]
""",
    "mine_needs.py": "",
    "pyproject.toml": """
[project]
name = "rnnswap-mine"
version = "1.0"
entry-points.rnnswap.mine = "rnnswap_mine.plugin"
""",
}
SCRIPT = """
import sys
first = "rnnswap_mine" in sys.modules
import inspect, pickle, torch
layer = torch.nn.LSTM(2, 2)
layer(torch.ones(1, 1, 2))[0].sum().backward()
torch.optim.SGD(layer.parameters(), lr=0.1).step()
print(first, "mine_needs" in sys.modules, "pluggy" in sys.modules)
print(inspect.getsource(type(layer)).splitlines()[0], type(pickle.loads(pickle.dumps(layer))))
import rnnswap_mine.plugin
print(type(layer) is sys.modules["HOME"].Mine, rnnswap_mine.plugin.rnnswap_cells()[0].name)
"""


@pytest.mark.slow
@pytest.mark.parametrize("home", ["rnnswap_mine", "rnnswap_mine._cell"])
def test_plugins_cell_is_in_sight_once_it_is_used(tmp_path, home):
    """The package may import torch when its entry module is loaded, before the script, or not."""
    installed = tmp_path / "installed"
    for name, text in PLUGIN.items():
        (installed / name).parent.mkdir(parents=True, exist_ok=True)
        text = CELL if name == home.replace(".", "/") + "/__init__.py" else text
        (installed / name).write_text(text.replace("HOME", home), "utf-8")
    projects.install(installed, installed)
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "script.py").write_text(SCRIPT.replace("HOME", home), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "rnnswap", "train", "--cell", "mine", "script.py"],
        cwd=tmp_path / "script",
        env=projects.environment(installed),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{home == 'rnnswap_mine'} True {home == 'rnnswap_mine'}",
        f"class Mine(rnnswap.RecurrentLayer): <class '{home}.Mine'>",
        "True mine",
    ]


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Two worlds: what is on sys.path now is ours, `script` has modules of the same names."""
    from rnnswap.training.process.own_modules import OwnModules

    for folder in ("ours", "script"):
        (tmp_path / folder).mkdir()
        for name in ("one", "two"):
            (tmp_path / folder / f"{name}.py").write_text(f"WORLD = {folder!r}\n")
    (tmp_path / "ours" / "three.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "ours"), *sys.path])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    before = {*sys.modules}
    importlib.import_module("one")
    importlib.import_module("three")
    made = OwnModules(before)
    with monkeypatch.context() as without_torch:
        without_torch.delitem(sys.modules, "torch", raising=False)
        made.put_aside(str(tmp_path / "script"))
    sys.path[0] = str(tmp_path / "script")
    yield made
    for name in ("one", "two", "three"):
        sys.modules.pop(name, None)


def world(name):
    return importlib.import_module(name).WORLD


def test_each_world_means_its_own(own):
    assert not {"one", "three"} & {*sys.modules}
    assert (world("one"), world("two")) == ("script", "script")
    for _ in range(2):
        with own.at_hand():
            assert (world("one"), world("two")) == ("ours", "ours")
        assert (world("one"), world("two")) == ("script", "script")


def test_script_gets_the_same_module_where_it_means_the_same_file(own, tmp_path):
    with own.at_hand():
        ours = importlib.import_module("three")
        spec = ours.__spec__
    assert "three" not in sys.modules
    sys.path.append(str(tmp_path / "ours"))
    assert importlib.import_module("three") is ours
    assert ours.__spec__ is spec


def fail(own):
    with own.at_hand():
        assert world("two") == "ours"
        importlib.import_module("no_such_module")


def test_what_fails_at_hand_leaves_the_scripts_world(own):
    assert world("two") == "script"
    path = sys.path
    with pytest.raises(ModuleNotFoundError):
        fail(own)
    assert world("two") == "script"
    assert sys.path is path
