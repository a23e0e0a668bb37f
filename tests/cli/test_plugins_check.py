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


def test_mechanisms_and_policies_are_checked_too_and_a_name_of_two_kinds_as_both(monkeypatch):
    policies = Registry("clipping policy")
    record = rnnswap.ClipSpec(name="soft", target="rnnswap.clip:ValueClip", numbers=("limit",))
    policies.add(record, Provider("acme", "1", "plugin"))
    monkeypatch.setattr(installed(), "policies", policies)
    result = run("soft")
    assert "rnnswap.attention.SoftAttention as attention mechanism" in result.stdout
    assert "value:1.0 as clipping policy" in result.stdout


def test_a_policy_is_checked_with_the_numbers_given_or_with_some_that_it_takes():
    result = run("range", "norm:0.5")
    assert result.exit_code == 0, result.output
    assert "range:-1.0,1.0 as clipping policy" in result.stdout
    assert "norm:0.5 as clipping policy" in result.stdout
    refused = run("norm:-0.5")
    assert refused.exit_code == 1
    assert (
        "failed: clipping policy 'norm:-0.5': max_norm must be greater than 0, got -0.5"
    ) in refused.stderr


def test_a_policy_that_takes_none_of_our_numbers_asks_for_some(monkeypatch):
    policies = Registry("clipping policy")
    record = rnnswap.ClipSpec(name="picky", target=f"{__name__}:Picky", numbers=("low", "high"))
    policies.add(record, Provider("acme", "1", "plugin"))
    monkeypatch.setattr(installed(), "policies", policies)
    result = run("picky")
    assert result.exit_code == 1
    sentence = "failed: picky takes 7 and 8; give numbers: rnnswap plugins check picky:LOW,HIGH"
    assert sentence in result.stderr


class Picky:
    def __init__(self, low, high):
        raise rnnswap.ClipError("picky takes 7 and 8")
