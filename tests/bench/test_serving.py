"""What ran, and why nothing faster did, is asked of the very call that is measured."""

import pytest
import torch
from torch import nn

import rnnswap
from rnnswap.bench.serving import serving
from rnnswap.ops._dispatch import recorded_calls


def served(layer, x):
    return serving(layer, lambda: layer(x))


def test_the_fastest_says_what_it_was_chosen_from(monkeypatch):
    monkeypatch.setenv("RNNSWAP_IMPL", "naive")
    found = served(rnnswap.IndRNN(2, 3), torch.ones(4, 1, 2))
    assert found.name == "naive"
    assert found.why.startswith("not cpu: RNNSWAP_IMPL=naive. not gpu: RNNSWAP_IMPL=naive")
    monkeypatch.delenv("RNNSWAP_IMPL")
    found = served(rnnswap.IndRNN(2, 3), torch.ones(4, 1, 2))
    if found.name == "cpu":
        assert found.why == "the fastest of cpu, gpu, manual, scripted, naive"


def test_reasons_against_a_faster_one_are_those_of_the_call():
    layer = rnnswap.JANET(2, 3, dtype=torch.bfloat16)
    found = served(layer, torch.ones(4, 1, 2, dtype=torch.bfloat16))
    assert found.name == "manual"
    assert found.why.startswith("not cpu: the C library ")


class Plain(rnnswap.RecurrentLayer):
    gates = 1

    def step(self, gates_x, state, weights):
        return (gates_x + state[0],)


def test_layers_without_an_operation_say_what_runs():
    x = torch.ones(4, 1, 2)
    assert served(Plain(2, 3), x).name == "step"
    found = served(nn.LSTM(2, 3), x)
    assert (found.name, found.why) == ("own", "the forward of torch.nn.modules.rnn.LSTM")


def test_calls_are_recorded_inside_the_block_alone():
    layer, x = rnnswap.JANET(2, 3, 2, bidirectional=True), torch.ones(4, 1, 2)
    with recorded_calls() as outer:
        layer(x)
        with recorded_calls() as inner:
            layer(x)
    layer(x)
    assert len(outer) == len(inner) == 4
    assert [call.operation.name for call in outer] == ["janet_scan"] * 4


def test_a_block_that_raises_records_no_longer():
    with pytest.raises(RuntimeError), recorded_calls() as calls:
        raise RuntimeError
    rnnswap.JANET(2, 3)(torch.ones(4, 1, 2))
    assert calls == []
