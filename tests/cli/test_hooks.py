"""The pre-commit hooks say commands that exist and act as their descriptions promise."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from rnnswap.cli import main

ROOT = Path(__file__).parent.parent.parent
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))


def run(hook, *names):
    program, *words = hook["entry"].split()
    assert program == "rnnswap"
    return CliRunner().invoke(main, [*words, *hook.get("args", []), *names])


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_fails_or_rewrites_where_an_lstm_is_and_passes_where_none_is(
    hook, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = "from torch import nn\nrnn = nn.LSTM(8, 16)\n"
    Path("m.py").write_text(before)
    Path("none.py").write_text("x = 1\n")
    # pre-commit itself fails where a hook has changed a file.
    assert run(hook, "m.py", "none.py").exit_code or Path("m.py").read_text() != before
    assert run(hook, "none.py").exit_code == 0
    assert hook["id"] in (ROOT / "docs" / "patching.md").read_text("utf-8")
