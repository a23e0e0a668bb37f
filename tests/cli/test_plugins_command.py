"""`rnnswap plugins`: every registered name with who provides it."""

import pytest
from click.testing import CliRunner

from rnnswap import discovery
from rnnswap.cli import main
from rnnswap.discovery import Failure, Plugins, installed
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


@pytest.mark.parametrize("arguments", [["--bogus"], ["extra"]])
def test_misuse_is_exit_code_2(arguments):
    assert run(*arguments).exit_code == 2
