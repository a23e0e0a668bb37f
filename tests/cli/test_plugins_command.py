"""`rnnswap plugins`: every registered name with who provides it."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import rnnswap
from rnnswap import discovery
from rnnswap.cli import main
from rnnswap.cli import plugins as plugins_module
from rnnswap.discovery import Failure, Plugins, installed
from rnnswap.ops import _native
from rnnswap.registry import Provider


def run(*arguments):
    return CliRunner().invoke(main, ["plugins", *arguments])


def test_lists_everything_with_its_distribution_and_summary():
    result = run()
    assert result.exit_code == 0
    found = installed()
    for registry in (found.cells, found.attentions, found.policies):
        for entry in registry:
            (line,) = [x for x in result.stdout.splitlines() if x.split()[:1] == [entry.name]]
            assert str(entry.provider) in line
            assert entry.spec.summary in line


def test_failures_are_named_on_stderr_with_their_reason(monkeypatch):
    broken = Plugins()
    provider = Provider("acme", "1.0", "plugin")
    broken.failures.append(Failure(provider, "ValueError: [red]odd[/red] text"))
    monkeypatch.setattr(discovery, "installed", lambda: broken)
    result = run()
    assert result.exit_code == 0
    line = "problem: acme 1.0 (entry point 'plugin'): ValueError: [red]odd[/red] text"
    assert result.stderr.strip() == line


def test_says_that_the_c_library_is_there(monkeypatch):
    monkeypatch.delenv("RNNSWAP_IMPL", raising=False)
    place = Path(_native.__file__).with_name(_native.LIBRARY)
    assert place.parts[-3:] == plugins_module._LIBRARY.parts
    last = run().stdout.splitlines()[-1]
    assert last.startswith("C library: built;" if place.exists() else "C library: not built")


@pytest.mark.parametrize(
    ("compiler", "advice"),
    [
        (None, "install gcc or clang, then rnnswap again"),
        ("gcc", "there is gcc now: install rnnswap again (pip's --verbose shows what fails)"),
    ],
)
def test_without_the_c_library_says_why_and_what_to_do(monkeypatch, compiler, advice):
    monkeypatch.setattr(plugins_module, "_LIBRARY", Path("nowhere.so"))
    monkeypatch.setattr(shutil, "which", lambda name: name if name == compiler else None)
    monkeypatch.setenv("RNNSWAP_IMPL", "manual")
    *_, line, forced = run().stdout.splitlines()
    assert line == (
        "C library: not built, as no C compiler could when rnnswap was installed; the loops of "
        f"JANET and IndRNN run in PyTorch, slower; {advice}"
    )
    assert forced == "RNNSWAP_IMPL=manual: no other implementation runs"


@pytest.mark.parametrize("arguments", [["--bogus"], ["extra"]])
def test_misuse_is_exit_code_2(arguments):
    assert run(*arguments).exit_code == 2


def test_json_says_all_that_is_registered():
    described = json.loads(run("--json").stdout)
    found = installed()
    kinds = {"cells": found.cells, "attentions": found.attentions, "policies": found.policies}
    for kind, registry in kinds.items():
        assert [entry["name"] for entry in described[kind]] == registry.names()
    janet = next(entry for entry in described["cells"] if entry["name"] == "janet")
    assert janet["distribution"] == "rnnswap"
    assert janet["target"] == "rnnswap:JANET"
    assert janet["unsupported"] == []
    beta = {"type": "float", "default": 1.0, "help": "shift of the input gate"}
    assert janet["options"]["beta"] == beta
    norm = next(entry for entry in described["policies"] if entry["name"] == "norm")
    assert norm["numbers"] == ["max_norm"]
    assert described["implementations"]


def test_json_and_the_table_say_what_failed_and_what_is_not_supported(monkeypatch):
    found = Plugins()
    provider = Provider("acme", "1.0", "plugin")
    record = rnnswap.CellSpec(name="odd", target="a:B", unsupported={"proj_size", "dropout"})
    found.cells.add(record, provider)
    found.failures.append(Failure(provider, "a reason"))
    monkeypatch.setattr(discovery, "installed", lambda: found)
    described = json.loads(run("--json").stdout)
    assert described["cells"][0]["unsupported"] == ["dropout", "proj_size"]
    failure = {"distribution": "acme", "version": "1.0", "entry": "plugin", "reason": "a reason"}
    assert described["problems"] == [failure]
    (line,) = [x for x in run().stdout.splitlines() if x.startswith("odd")]
    assert line.split() == ["odd", "acme", "1.0", "dropout,", "proj_size"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (None, "not installed; on CUDA devices the loops of JANET and IndRNN run in PyTorch"),
        (object(), "installed; on CUDA devices the loops of JANET and IndRNN are its kernels,"),
    ],
)
def test_says_whether_triton_is_there(spec, said, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    _, line = run().stdout.replace("\n", " ").split("Triton: ")
    assert line.startswith(said)
