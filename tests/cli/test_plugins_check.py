"""`rnnswap plugins check`: tables on stdout, the verdict in the exit code."""

import pytest
from click.testing import CliRunner

import rnnswap
from rnnswap.cli import main
from rnnswap.discovery import installed
from rnnswap.registry import Provider, Registry


def run(*arguments):
    return CliRunner().invoke(main, ["plugins", "check", *arguments])


def register(monkeypatch, **record):
    registry = Registry("cell")
    registry.add(rnnswap.CellSpec(**record), Provider("acme", "1", "plugin"))
    monkeypatch.setattr(installed(), "cells", registry)


def test_prints_a_table_for_layer_and_single_step_class():
    result = run("lstm")
    assert result.exit_code == 0, result.output
    assert "LSTM in place of nn.LSTM, quick checks" in result.stdout
    assert "LSTMCell in place of nn.LSTMCell, quick checks" in result.stdout
    assert "nn.LSTM cannot  vmap" in result.stdout
    assert "checking torch.nn.LSTM ..." in result.stderr
    assert result.stdout.count("contract: ") == 4  # a title and a count each


def test_a_failed_check_is_exit_code_1_and_the_others_are_still_checked(monkeypatch):
    register(monkeypatch, name="odd", target="mutants:OnlyOutput", cell_target="torch.nn:LSTMCell")
    result = run("odd")
    assert result.exit_code == 1
    assert "-> expected forward to return (output, (h_n, c_n)), got Tensor" in result.stdout
    assert "LSTMCell in place of nn.LSTMCell" in result.stdout


def test_what_the_record_declares_is_checked(monkeypatch):
    register(monkeypatch, name="odd", target="torch.nn:LSTM", unsupported={"dropout"})
    result = run("odd")
    assert result.exit_code == 1
    sentence = "expected one sentence of UnsupportedError for num_layers=2, dropout=0.5"
    assert sentence in result.stdout


def test_full_asks_for_the_full_level(monkeypatch):
    register(monkeypatch, name="odd", target="mutants:Broken")
    assert "full checks" in run("odd", "--full").stdout


def test_a_class_that_cannot_be_loaded_is_exit_code_1_with_its_distribution(monkeypatch):
    register(monkeypatch, name="odd", target="nowhere_at_all:Cell", cell_target="torch.nn:LSTMCell")
    result = run("odd")
    assert result.exit_code == 1
    sentence = "failed: 'odd' of acme 1: target 'nowhere_at_all:Cell' cannot be loaded"
    assert sentence in result.stderr
    assert "LSTMCell in place of nn.LSTMCell" in result.stdout


@pytest.mark.parametrize("arguments", [[], ["--bogus", "lstm"]], ids=str)
def test_misuse_is_exit_code_2(arguments):
    assert run(*arguments).exit_code == 2


def test_an_unknown_name_is_exit_code_2_with_the_choices():
    result = run("lstm", "jannet")
    assert result.exit_code == 2
    assert "did you mean 'janet'?" in result.stderr
    assert not result.stdout
