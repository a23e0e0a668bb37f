"""Discovery with real throwaway distributions: any of them may be broken, the rest goes on."""

import itertools
import os
import re
import subprocess
import sys
import textwrap

import importlib_metadata
import pytest

from rnnswap import UnknownNameError
from rnnswap.discovery import discover, get_cell, installed, list_cells
from rnnswap.hookspecs import GROUP

_counter = itertools.count()


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Write a distribution with one module and one entry point, found on sys.path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name, source, version="1.0", entry="plugin"):
        # A module of its own for each test: imported modules stay in sys.modules.
        module = f"{name.replace('-', '_')}_{next(_counter)}"
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        info = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entry} = {module}\n")
        return module

    return write


GOOD = """
    import rnnswap

    @rnnswap.hookimpl
    def rnnswap_cells():
        return [rnnswap.CellSpec(name="{name}", target="torch.nn:LSTM", summary="s")]
"""


def test_a_strangers_cell_is_found_with_its_distribution(distribution):
    distribution("acme-cells", GOOD.format(name="acme"), version="2.1")
    entry = discover().cells.get("acme")
    assert (entry.provider.distribution, entry.provider.version) == ("acme-cells", "2.1")


def test_built_ins_come_through_the_same_entry_point_group():
    found = discover()
    assert set(found.cells.names()) >= {"janet", "indrnn", "indrnn-v2", "lstm"}
    assert found.cells.get("janet").provider.entry == "builtin"
    assert "soft" in found.attentions
    assert set(found.policies.names()) >= {"none", "value", "hook", "norm"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('broken on purpose')", "ValueError: broken on purpose"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import no_such_module_anywhere", "ModuleNotFoundError.*no_such_module_anywhere"),
        ("x = 1", "has no @rnnswap.hookimpl function"),
        (
            "import rnnswap\n@rnnswap.hookimpl\ndef rnnswap_cells():\n    return {}",
            "must return a list of CellSpec, got dict",
        ),
        (
            "import rnnswap\n@rnnswap.hookimpl\ndef rnnswap_cells():\n    return ['janet']",
            "'janet', which is not a CellSpec",
        ),
        (
            "import rnnswap\n@rnnswap.hookimpl\ndef rnnswap_cells():\n    raise KeyError('k')",
            "KeyError: 'k'",
        ),
        (
            "import rnnswap\n@rnnswap.hookimpl\ndef rnnswap_cells(surplus):\n    return []",
            "surplus",
        ),
        (GOOD.format(name="Bad Name"), "'Bad Name' is not lower case"),
        ("class B(BaseException): pass\nraise B('odd')", "B: odd"),
        ("raise ValueError('one\\n  two')", "^ValueError: one two$"),
        ("raise ValueError('\\x1b[31mred')", r"^ValueError: \?\[31mred$"),
        ("raise ValueError('x' * 1000)", r"^ValueError: x{300} \.\.\.$"),
        ("class E(Exception):\n    def __str__(self): 1 / 0\nraise E()", "^E$"),
        (
            "import rnnswap\nclass Odd:\n    def __repr__(self): raise ValueError\n"
            "@rnnswap.hookimpl\ndef rnnswap_cells():\n    return [Odd()]",
            "Odd instance.* which is not a CellSpec",
        ),
    ],
)
def test_a_broken_plugin_is_reported_and_the_others_work(distribution, source, reason):
    distribution("acme-broken", source)
    distribution("zeta-cells", GOOD.format(name="zeta"))
    found = discover()
    assert "janet" in found.cells
    assert "zeta" in found.cells
    (failure,) = found.failures
    assert failure.provider.distribution == "acme-broken"
    assert failure.provider.version == "1.0"
    assert re.search(reason, failure.reason)
    with pytest.raises(UnknownNameError, match="not all plugins loaded: acme-broken 1.0"):
        found.cells.get("acme")


def test_a_misspelt_hook_is_named_and_the_right_one_still_counts(distribution):
    source = (
        GOOD
        + """
    @rnnswap.hookimpl
    def rnnswap_celz():
        return []
"""
    )
    distribution("acme-cells", source.format(name="acme"))
    found = discover()
    assert "acme" in found.cells
    assert "rnnswap_celz is marked as a hook, but there is none" in found.failures[0].reason


def test_what_a_plugin_prints_does_not_reach_stdout(distribution, capsys):
    distribution("acme-cells", "print('on import')\n" + textwrap.dedent(GOOD.format(name="acme")))
    assert "acme" in discover().cells
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "on import\n")


def test_a_name_given_twice_by_one_distribution_says_what_is_reachable(distribution):
    twice = GOOD.replace("]", ', rnnswap.CellSpec(name="{name}", target="a:B")]')
    distribution("acme-cells", twice.format(name="same"))
    (failure,) = discover().failures
    assert failure.reason.endswith("this one is not reachable")


def test_a_clash_never_overwrites(distribution):
    distribution("acme-cells", GOOD.format(name="janet"))
    distribution("beta-cells", GOOD.format(name="same"))
    distribution("zeta-cells", GOOD.format(name="same"))
    found = discover()
    assert found.cells.get("janet").provider.distribution == "rnnswap"
    assert found.cells.get("acme-cells:janet").provider.distribution == "acme-cells"
    assert found.cells.get("same").provider.distribution == "beta-cells"
    assert found.cells.get("zeta-cells:same").provider.distribution == "zeta-cells"
    assert found.cells.get("beta-cells:same") is found.cells.get("same")
    assert ["already provided by" in f.reason for f in found.failures] == [True, True]


def test_order_of_entry_points_decides_nothing(distribution):
    distribution("beta-cells", GOOD.format(name="same"))
    distribution("acme-cells", GOOD.format(name="same"))
    entries = list(importlib_metadata.entry_points(group=GROUP))
    for order in (entries, entries[::-1]):
        assert discover(order).cells.get("same").provider.distribution == "acme-cells"


def test_loading_can_be_limited(distribution):
    distribution("acme-cells", GOOD.format(name="acme"))
    distribution("zeta-cells", GOOD.format(name="zeta"))
    found = discover(limit="acme-cells, other")
    assert "acme" in found.cells
    assert "zeta" not in found.cells
    assert "janet" in found.cells
    assert "acme" not in discover(limit="").cells


def test_without_its_own_entry_point_the_miss_says_to_install():
    with pytest.raises(UnknownNameError, match="none is registered.*not installed"):
        discover([]).cells.get("janet")


def test_get_cell_answers_a_miss_with_the_choices():
    with pytest.raises(UnknownNameError) as caught:
        get_cell("jannet")
    assert str(caught.value) == (
        f"unknown cell 'jannet' (registered: {', '.join(list_cells())}); did you mean 'janet'?"
    )


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        ("cells", "rnnswap.get_cell('ghost')"),
        ("attentions", "rnnswap.with_attention(rnnswap.JANET, 'ghost')"),
    ],
    ids=["cell", "attention"],
)
def test_a_target_that_does_not_exist_is_one_clear_error(distribution, kind, use):
    source = f"""
        import rnnswap

        @rnnswap.hookimpl
        def rnnswap_{kind}():
            spec = rnnswap.{kind.capitalize()[:-1]}Spec
            return [spec(name="ghost", target="rnnswap.no_such:Thing", summary="s")]
    """
    distribution("ghost-cells", source)
    path = importlib_metadata.distribution("ghost-cells").locate_file("")
    code = f"import rnnswap; {use}"
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(path)!r}); {code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "PluginError: target 'rnnswap.no_such:Thing' cannot be loaded" in result.stderr
    last = result.stderr.splitlines()[-1]
    assert "PluginError: 'ghost' of ghost-cells 1.0: target 'rnnswap.no_such:Thing'" in last


def test_a_module_that_two_entry_points_name_is_loaded_once_and_told(distribution, tmp_path):
    module = distribution("acme-cells", GOOD.format(name="acme"))
    (info,) = tmp_path.glob("*.dist-info")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\np = {module}\nq = {module}\n")
    found = discover()
    assert "acme" in found.cells
    (failure,) = found.failures
    assert failure.harmless
    assert failure.reason == (f"module {module} is another entry point's too, once is enough")


def test_a_hook_module_that_imports_torch_is_named(distribution):
    distribution("acme-cells", "import torch\n" + textwrap.dedent(GOOD.format(name="acme")))
    code = (
        "from rnnswap.discovery import installed\n"
        "print([f.reason for f in installed().failures if 'imports' in f.reason])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['imports torch, for which every command that loads plugins waits']\n"


def test_installed_is_discovered_once():
    assert installed() is installed()


def test_built_ins_are_found_without_loading_anybody_and_others_by_loading_them(distribution):
    distribution("acme-cells", "print('loaded')\n" + textwrap.dedent(GOOD.format(name="acme")))
    code = """
from rnnswap import discovery
print(discovery.find_cell("janet").target, discovery.find_attention("soft").name)
print(discovery.find_policy("norm").name)
import sys
print("importlib_metadata" in sys.modules, discovery.installed.cache_info().currsize)
print(discovery.find_cell("acme").target)
try:
    discovery.find_policy("nrom")
except LookupError as error:
    print(error)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == "loaded\n"
    assert done.stdout.splitlines() == [
        "rnnswap:JANET soft",
        "norm",
        "False 0",
        "torch.nn:LSTM",
        str(unknown_policy("nrom")),
    ]


def unknown_policy(name):
    with pytest.raises(UnknownNameError) as caught:
        installed().policies.get(name)
    return caught.value
