"""Plugins that do everything wrong: the others work, commands work, and the reason names them."""

import json
import os
import re
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest

from rnnswap import discovery, distributions
from rnnswap.hookspecs import API_VERSION, GROUP

RECORD = """
import rnnswap
@rnnswap.hookimpl
def rnnswap_cells():
    return [rnnswap.CellSpec(name="hostile", target="{target}")]
"""
GOOD = RECORD.format(target="torch.nn:LSTM")
MANY = """
import rnnswap
@rnnswap.hookimpl
def rnnswap_cells():
    return [rnnswap.CellSpec(name=f"hostile-{k}", target="torch.nn:LSTM") for k in range(1000)]
"""
WRONG_TYPE = """
import rnnswap
@rnnswap.hookimpl
def rnnswap_cells():
    return {"hostile": "torch.nn:LSTM"}
"""
NAMES = "not all plugins loaded: acme-hostile 1.0; see rnnswap plugins"
UNKNOWN = f"unknown cell, attention mechanism or clipping policy 'hostile'.*{NAMES}"

#: Kind: source of the plugin, what `rnnswap plugins` says of it, and what asking for its cell says;
#: None: nothing is wrong, the cell is there.
HOSTILE = {
    "raises on import": ("raise ValueError('on purpose')", "ValueError: on purpose", UNKNOWN),
    "raises SystemExit": ("raise SystemExit(3)", "SystemExit: 3", UNKNOWN),
    "hangs on import": (
        "import time; time.sleep(10)\n" + GOOD,
        r"took 1\d\.\d s to load; whatever loads plugins waits for it",
        None,
    ),
    "prints to stdout": ("print('noise', flush=True)\n" + GOOD, None, None),
    "returns the wrong type": (WRONG_TYPE, "must return a list of CellSpec, got dict", UNKNOWN),
    "an invalid name": (
        GOOD.replace("hostile", "Hostile Cell"),
        "name 'Hostile Cell' is not lower case letters",
        UNKNOWN,
    ),
    "a target that does not exist": (
        RECORD.format(target="no_such_module_at_all:Cell"),
        None,
        "'hostile' of acme-hostile 1.0: target 'no_such_module_at_all:Cell' cannot be loaded: "
        "ModuleNotFoundError",
    ),
    "a class that is not a module": (
        RECORD.format(target="collections:OrderedDict"),
        None,
        "'hostile' of acme-hostile 1.0: target 'collections:OrderedDict' is not a torch.nn.Module "
        "class",
    ),
    "registers 1,000 cells": (
        MANY,
        None,
        r"unknown cell, .* 'hostile' .10\d\d are registered, nearest: hostile-",
    ),
    "clashes with a built-in": (
        GOOD.replace("hostile", "janet"),
        "cell 'janet' is already provided by rnnswap 0.1.0; this one is reachable as "
        "'acme-hostile:janet'",
        UNKNOWN,
    ),
    "is installed twice": (
        GOOD,
        r"installed twice: 1.0 in .* is used, 0.9 in .* is not",
        None,
    ),
    "was built for a newer hook API": (
        f"RNNSWAP_API = {API_VERSION + 1}\n" + GOOD,
        f"built for hook API {API_VERSION + 1}, this rnnswap has {API_VERSION}: install a newer",
        UNKNOWN,
    ),
    "has broken metadata": (GOOD, "its entry_points.txt cannot be read: ", UNKNOWN),
}


def write(folder, name, source, version="1.0", entries=None, metadata=True):
    """Write an installed distribution: one module and its dist-info."""
    module = name.replace("-", "_")
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(textwrap.dedent(source))
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir()
    if metadata:
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entries or f"[{GROUP}]\nplugin = {module}\n")


@pytest.fixture
def rnnswap(tmp_path):
    """Run the command line with what lies in the folders `first` and `second` installed."""

    def run(*arguments, code=None, **variables):
        path = [str(tmp_path / "first"), str(tmp_path / "second"), *filter(None, sys.path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), **variables}
        command = ["-c", code] if code else ["-m", "rnnswap", *arguments]
        return subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    return run


def install(tmp_path, kind):
    broken = kind == "has broken metadata"
    entries = f"[{GROUP}]\nthis is no entry\n" if broken else None
    source = HOSTILE[kind][0]
    write(tmp_path / "first", "acme-hostile", source, entries=entries, metadata=not broken)
    if kind == "is installed twice":
        write(tmp_path / "second", "acme-hostile", source, version="0.9")
    write(
        tmp_path / "second",
        "zeta-good",
        RECORD.format(target="zeta_good:Zeta").replace("hostile", "zeta"),
    )


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_plugin_hurts_nobody(tmp_path, rnnswap, kind):
    install(tmp_path, kind)
    _, problem, refusal = HOSTILE[kind]
    (tmp_path / "model.py").write_text("from torch import nn\n\nrnn = nn.LSTM(3, 4)\n")
    with ThreadPoolExecutor() as together:  # one of the kinds hangs for ten seconds
        patching = together.submit(rnnswap, "patch", "--cell", "zeta", "--diff", "model.py")
        listing = together.submit(rnnswap, "plugins", "--json")
    patched, listed = patching.result(), listing.result()
    assert patched.returncode == 0, patched.stderr
    assert "+from zeta_good import Zeta" in patched.stdout

    assert listed.returncode == 0, listed.stderr
    found = json.loads(listed.stdout)  # stdout is the result's, whatever the plugin prints
    names = [cell["name"] for cell in found["cells"]]
    assert {"janet", "zeta"} <= set(names)
    mine = [p for p in found["problems"] if p["distribution"] == "acme-hostile"]
    assert len(mine) == len(found["problems"]) == (problem is not None)
    for said in mine:
        assert said["version"] == "1.0"
        assert_matches(problem, said["reason"])
    if kind == "hangs on import":
        assert "rnnswap: waiting for plugin acme-hostile 1.0" in listed.stderr

    if refusal is None:
        assert "hostile" in names
        return
    with_target = "hostile" in names
    asked = rnnswap("plugins", "check", "hostile")
    assert asked.returncode == (1 if with_target else 2)
    last = asked.stderr.strip().splitlines()[-1]
    assert_matches(refusal, last)
    assert "Traceback" not in asked.stderr


def assert_matches(pattern, text):
    assert re.search(pattern, text), text


def test_no_plugins_loads_none_and_strict_plugins_makes_an_error_of_what_is_wrong(
    tmp_path, rnnswap
):
    install(tmp_path, "raises on import")
    without = rnnswap("--no-plugins", "plugins", "--json")
    assert {cell["distribution"] for cell in json.loads(without.stdout)["cells"]} == {"rnnswap"}
    assert json.loads(without.stdout)["problems"] == []
    limited = rnnswap("plugins", "--json", RNNSWAP_PLUGINS="zeta-good")
    assert "zeta" in limited.stdout
    assert json.loads(limited.stdout)["problems"] == []
    strict = rnnswap("--strict-plugins", "patch", "--help")
    assert strict.returncode == 2
    assert "acme-hostile 1.0 (entry point 'plugin'): ValueError: on purpose" in strict.stderr
    assert rnnswap("--no-plugins", "--strict-plugins", "plugins").returncode == 0


def test_help_imports_no_entry_however_many_are_installed(tmp_path, rnnswap):
    for k in range(20):
        write(tmp_path / "first", f"acme-{k}", "raise SystemExit('imported')")
    done = rnnswap(
        code="import sys; sys.argv[1:] = ['--help']\n"
        "from rnnswap.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('importlib_metadata' in sys.modules, [m for m in sys.modules if 'acme' in m])"
    )
    assert done.stdout.splitlines()[-1] == "False []"


def test_a_swap_names_the_distribution_of_a_class_that_is_none(tmp_path, rnnswap):
    install(tmp_path, "a class that is not a module")
    done = rnnswap(code="import rnnswap, torch\nrnnswap.swap_(torch.nn.LSTM(2, 3), 'hostile')")
    assert "PluginError: 'hostile' of acme-hostile 1.0: target" in done.stderr


def test_an_api_that_is_no_number_is_refused(tmp_path, monkeypatch):
    write(tmp_path / "first", "acme-api", "RNNSWAP_API = '2'\n")
    monkeypatch.syspath_prepend(str(tmp_path / "first"))
    (failure,) = discovery.discover().failures
    assert failure.reason == "RNNSWAP_API must be an int, got '2'"


def test_without_metadata_the_folder_tells_name_and_version(tmp_path, monkeypatch):
    write(tmp_path / "first", "acme-bare", "x = 1", version="3.2", metadata=False)
    monkeypatch.syspath_prepend(str(tmp_path / "first"))
    found, problems = distributions.entry_points(GROUP)
    assert ("acme-bare", "3.2") in {(p.distribution, p.version) for p, _ in found}
    assert problems == []


CHANGES = """
import ctypes, io, os, sys, threading, time, warnings
os.write(1, b"noise")
os.system("echo noise")
sys.__stdout__.write("noise")
threading.Thread(target=time.sleep, args=(1,), name="straggler").start()
os.chdir("/")
sys.path.clear()
sys.setrecursionlimit(90)
sys.excepthook = None
warnings.simplefilter("error")
ctypes.CDLL(None).puts(b"noise")
sys.stdout = io.TextIOWrapper(sys.stdout.buffer)
print("noise")
sys.stdout.close()
sys.stderr.close()
os.close(1)
os.close(2)
"""


def test_what_an_import_changes_is_put_back_and_named(tmp_path, rnnswap):
    write(tmp_path / "first", "acme-hostile", CHANGES + GOOD)
    good = RECORD.format(target="zeta_good:Zeta").replace("hostile", "zeta")
    write(tmp_path / "second", "zeta-good", good)
    (tmp_path / "model.py").write_text("from torch import nn\n\nrnn = nn.LSTM(3, 4)\n")
    patched = rnnswap("patch", "--cell", "zeta", "--diff", "model.py")
    assert patched.returncode == 0, patched.stderr
    assert patched.stdout.startswith("--- model.py")
    listed = rnnswap("plugins", "--json")
    found = json.loads(listed.stdout)
    assert {"hostile", "zeta"} <= {cell["name"] for cell in found["cells"]}
    assert {p["distribution"] for p in found["problems"]} == {"acme-hostile"}
    reasons = "; ".join(p["reason"] for p in found["problems"])
    for words in (
        "changed the working directory, which was put back",
        "of sys.path, which were put back",
        "lowered the recursion limit, which was put back",
        "removed sys.excepthook, which was put back",
        "made errors of warnings, which was undone",
        "left running, and every command waits for its end: straggler",
    ):
        assert words in reasons
    assert listed.stderr.count("noise") == 5


def test_strict_plugins_leaves_stdout_alone_and_names_a_limit_that_is_not_installed(
    tmp_path, rnnswap
):
    install(tmp_path, "raises on import")
    strict = rnnswap("--strict-plugins", "plugins", "--json")
    assert (strict.returncode, strict.stdout) == (2, "")
    named = rnnswap("--strict-plugins", "plugins", RNNSWAP_PLUGINS="Zeta_Good,zeta-god")
    assert named.returncode == 2
    assert named.stderr == (
        "Error: zeta-god ? (entry point '?'): RNNSWAP_PLUGINS names it, but no such plugin is "
        "installed\n"
    )


#: What ended the command, or went unseen, in a hook or a record: source, and what is said of it.
ODD = {
    "StopIteration": ("raise StopIteration", "^StopIteration$"),
    "an error without a text": (
        "class E(Exception):\n    def __str__(self): raise SystemExit(9)\nraise E()",
        "^E$",
    ),
    "closes all files": (
        "import os\nos.closerange(3, 64)\n" + GOOD,
        "^closed files that it did not",
    ),
    "changes and raises": ("import sys\nsys.path = None\n" + GOOD, "^removed .* of sys.path"),
    "a slow hook": (
        "import time\n" + GOOD.replace("    return", "    time.sleep(2.5)\n    return"),
        r"^took 2\.\d s to load",
    ),
    "a hook that changes the folder": (
        "import os\n" + GOOD.replace("    return", "    os.chdir('/')\n    return"),
        "^changed the working directory",
    ),
    "a record that answers no question": (
        "class Odd:\n    __class__ = property(lambda self: exit(7))\n"
        + GOOD.replace("[rnnswap", "[Odd()] or [rnnswap"),
        "^rnnswap_cells returned .*, which is not a CellSpec$",
    ),
    "a record of a class of its own": (
        "import rnnswap\nclass Odd(rnnswap.CellSpec): pass\n"
        + GOOD.replace("rnnswap.CellSpec(", "Odd("),
        "^rnnswap_cells returned .*, which is not a CellSpec$",
    ),
    "a module that cannot be listed": ("def __dir__(): exit(4)\n" + GOOD, "^SystemExit: 4$"),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_plugins_are_told_and_end_nothing(tmp_path, rnnswap, kind):
    source, said = ODD[kind]
    write(tmp_path / "first", "acme-hostile", source)
    write(tmp_path / "second", "zeta-good", GOOD.replace("hostile", "zeta"))
    code = (
        "import json, rnnswap.discovery as d, os\n"
        "found = d.discover()\n"
        "told = [f.reason for f in found.failures], found.cells.names(), os.getcwd()\n"
        "open('told', 'w').write(json.dumps(told))"
    )
    done = rnnswap(code=code)
    assert done.returncode == 0, done.stderr
    reasons, names, folder = json.loads((tmp_path / "told").read_text())
    assert any(re.search(said, reason) for reason in reasons), reasons
    assert "zeta" in names
    assert folder == os.path.realpath(tmp_path)


def test_two_threads_may_load_at_once_and_stdout_comes_back(tmp_path, rnnswap):
    code = textwrap.dedent(
        """
        import os, threading
        from rnnswap.strangers import Contained
        first_in, second_in, first_out = (threading.Event() for _ in range(3))
        def first():
            with Contained():
                first_in.set()
                second_in.wait()
            first_out.set()
        def second():
            first_in.wait()
            with Contained():
                second_in.set()
                first_out.wait()
                print("inside")
        threads = [threading.Thread(target=f) for f in (first, second)]
        before = len(os.listdir("/dev/fd"))
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        os.write(1, b"descriptor ")
        print("stream", len(os.listdir("/dev/fd")) - before)
        """
    )
    done = rnnswap(code=code)
    assert (done.stdout, done.stderr) == ("descriptor stream 0\n", "inside\n")


def test_without_streams_plugins_load_all_the_same(tmp_path, rnnswap):
    write(tmp_path / "first", "acme-noisy", "print('noise')\n" + GOOD)
    code = (
        "import os, sys\nos.close(1)\nos.close(2)\nsys.stdout = sys.stderr = None\n"
        "from rnnswap import discovery\nfound = discovery.discover()\n"
        "open('told', 'w').write(f'{len(found.failures)} {\"hostile\" in found.cells}')"
    )
    assert rnnswap(code=code).returncode == 0
    assert (tmp_path / "told").read_text() == "0 True"


def test_a_terminal_obeys_nothing_that_a_plugin_says(tmp_path, rnnswap):
    source = GOOD.replace('LSTM")', 'LSTM", summary="a\\x1b[31m\\nb")')
    write(tmp_path / "first", "acme", source, version="1")
    (info,) = (tmp_path / "first").glob("*.dist-info")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\x1b[0m\n")
    listed = rnnswap("plugins").stdout
    assert "\x1b" not in listed
    (row,) = (line for line in listed.splitlines() if line.startswith("hostile"))
    assert row.split() == ["hostile", "acme", "1?[0m", "a?[31m", "b"]
