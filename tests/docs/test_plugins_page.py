"""docs/plugins.md: its signatures are the hooks', and its examples serve when installed."""

import inspect
import re
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from projects import install

import rnnswap
from rnnswap import clip, discovery, hookspecs, testing
from rnnswap.attention import _recurrent
from rnnswap.cli import main
from rnnswap.discovery import discover

PLACE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
PAGE = PLACE.read_text("utf-8")
EXAMPLES = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_there_is_one_heading_for_each_hook_with_its_signature():
    hooks = {n: f for n, f in vars(hookspecs).items() if n.startswith("rnnswap_")}
    headings = re.findall(r"^### `(\w+)(.*)`$", PAGE, re.MULTILINE)
    assert dict(headings) == {
        name: f"() -> {function.__annotations__['return']}" for name, function in hooks.items()
    }
    assert len(headings) == len(hooks)


@pytest.mark.parametrize("record", ["CellSpec", "AttentionSpec", "ClipSpec"])
def test_records_are_written_with_their_fields(record):
    (written,) = re.findall(rf"^`{record}\((.*)\)`", PAGE, re.MULTILINE)
    fields = inspect.signature(getattr(rnnswap, record)).parameters
    assert [f.partition("=")[0] for f in written.split(", ")] == list(fields)


def test_the_number_of_the_hook_api_is_right():
    assert f"The hook API has a number, {hookspecs.API_VERSION}." in PAGE


def test_the_transcript_says_what_the_commands_say(tmp_path, monkeypatch):
    (transcript,) = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    said = dict(re.findall(r"^\$ rnnswap (.*)\n((?:[^$].*\n|\n)*)", transcript, re.MULTILINE))
    monkeypatch.chdir(tmp_path)
    shutil.copy(PLACE.with_name("examples") / "LSTMModel.py", tmp_path)

    def run(command):
        return CliRunner().invoke(main, command.split()).output.splitlines()

    made = run("plugins new my-cell --kind cell")
    assert made == said["plugins new my-cell --kind cell"].splitlines()
    install(tmp_path / "rnnswap-my-cell", tmp_path / "rnnswap-my-cell")
    monkeypatch.syspath_prepend(str(tmp_path / "rnnswap-my-cell"))
    found = discover()
    monkeypatch.setattr(discovery, "installed", lambda: found)
    for command in ("plugins", "patch --diff --cell my-cell LSTMModel.py"):
        shown = said[command].splitlines()
        printed = {" ".join(line.split()) for line in run(command)}
        missing = [line for line in shown if " ".join(line.split()) not in {*printed, "..."}]
        assert not missing


@pytest.fixture
def examples(tmp_path, monkeypatch):
    """Install the page's examples, each as a distribution of its own."""
    for module, source in EXAMPLES.items():
        (tmp_path / f"{module}.py").write_text(source)
        if module.endswith("_plugin"):
            name = module.removesuffix("_plugin")
            info = tmp_path / f"{name}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[{hookspecs.GROUP}]\nplugin = {module}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = discover()
    assert found.failures == []
    for place in (discovery, clip._parse, _recurrent):
        monkeypatch.setattr(place, "installed", lambda: found)


@pytest.mark.usefixtures("examples")
def test_the_examples_of_the_page_serve():
    assert len(EXAMPLES) == 6
    report = testing.check_drop_in(rnnswap.get_cell("leaky"))
    assert report.passed, str(report)
    # The transcript's cell is another, but it goes through the same checks.
    (shown,) = re.findall(r"^contract: \d.*$", PAGE, re.MULTILINE)
    assert str(report).splitlines()[-1] == shown

    for kept in (
        testing.check_attention(rnnswap.get_attention("nearest"), level="full"),
        testing.check_clip_policy(clip.parse("sign:0.5")),
    ):
        assert kept.passed, str(kept)

    attention = rnnswap.get_attention("nearest")(3, 3)
    query = torch.randn(2, 4, 3)
    _, weights = attention(query, query, query, causal=True)
    assert not weights.triu(1).any()
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4))
    nothing = torch.zeros(2, 1, 4, dtype=torch.bool)
    assert not attention(query, query, query, nothing)[0].any()

    policy = clip.parse("sign:0.5")
    assert clip.parse(str(policy)) == policy
    weight = torch.nn.Parameter(torch.zeros(3))
    weight.grad = torch.tensor([2.0, -0.1, -3.0])
    policy.clip_([weight])
    assert weight.grad.tolist() == pytest.approx([0.5, -0.1, -0.5])
