"""The README's code runs, and what it shows is what the commands give."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

import rnnswap
from rnnswap.cli import main
from rnnswap.discovery import installed

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text("utf-8")


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", [README, CHINESE], ids=["en", "zh"])
def test_python_blocks_run_one_after_the_other(text, capsys):
    namespace = {"__name__": "readme"}
    found = blocks(text, "python")
    assert len(found) == 4
    for block in found:
        exec(compile(block, "README.md", "exec"), namespace)
    # The comment beside the first print is what it prints.
    (comment,) = re.findall(r"print\(report.swapped\[0\].after\)\s*# (.*)", text)
    assert capsys.readouterr().out.splitlines()[0] == comment


@pytest.mark.parametrize("text", [README, CHINESE], ids=["en", "zh"])
def test_the_plugin_of_the_readme_installs_and_works_by_every_route(text, tmp_path):
    leaky, plugin = blocks(text, "python")[2:]
    (project,) = blocks(text, "toml")
    (tmp_path / "leaky.py").write_text("import torch\nimport rnnswap\n\n" + leaky)
    (tmp_path / "leaky_plugin.py").write_text(plugin)
    parsed = tomllib.loads(project)
    metadata = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    info = tmp_path / "leaky_cell-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(metadata.format(**parsed["project"]))
    entry = parsed["project"]["entry-points"]["rnnswap"]
    (info / "entry_points.txt").write_text(f"[rnnswap]\nleaky = {entry['leaky']}\n")
    modules = parsed["tool"]["setuptools"]["py-modules"]
    assert {f"{m}.py" for m in modules} == {p.name for p in tmp_path.glob("*.py")}
    code = """
import torch, rnnswap
from torch import nn
assert rnnswap.rewrite_source("from torch.nn import LSTM\\nx = LSTM(2, 3)\\n", "leaky")[0] == (
    "from leaky import Leaky\\nx = Leaky(2, 3)\\n")
assert type(rnnswap.swap_(nn.LSTM(2, 3), "leaky").model).__name__ == "Leaky"
with rnnswap.patched("leaky"):
    assert nn.LSTM(2, 3)(torch.randn(4, 1, 2))[0].shape == (4, 1, 3)
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.parametrize("text", [README, CHINESE], ids=["en", "zh"])
def test_the_diff_is_what_patch_does(text):
    (diff,) = blocks(text, "diff")
    before = "".join(line[1:] for line in diff.splitlines(True) if line[0] in " -")
    after = "".join(line[1:] for line in diff.splitlines(True) if line[0] in " +")
    assert rnnswap.rewrite_source(before)[0] == after


@pytest.mark.parametrize("text", [README, CHINESE], ids=["en", "zh"])
def test_every_command_cell_and_policy_is_mentioned(text):
    for command in main.list_commands(click.Context(main)):
        assert f"rnnswap {command}" in text
    found = installed()
    for registry in (found.cells, found.policies, found.attentions):
        for entry in registry:
            if entry.provider.distribution == "rnnswap":
                assert re.search(rf"`{entry.name}\b|[ :]{entry.name}\b", text), entry.name


def test_both_languages_show_the_same_commands_and_figures():
    assert blocks(README, "sh") == blocks(CHINESE, "sh")
    figures = [re.findall(r"\d+\.\d\d %", text) for text in (README, CHINESE)]
    assert figures[0] == figures[1]
    assert len(figures[0]) == 12


def test_every_command_and_option_has_help():
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command.help
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.opts}"
