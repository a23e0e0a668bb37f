"""JANET.from_lstm: the forget and cell rows, and a report of the rest."""

import copy

import pytest
import torch
from torch import nn

from rnnswap import JANET, IndRNN, JANETCell, UnsupportedError

H = 4


@pytest.mark.parametrize(
    "setting",
    [{}, {"num_layers": 2, "bidirectional": True, "proj_size": 2}, {"bias": False}],
    ids=str,
)
def test_forget_and_cell_rows_are_copied(setting):
    lstm = nn.LSTM(3, H, dtype=torch.float64, **setting).eval()
    layer = JANET.from_lstm(lstm)
    for name, value in layer.named_parameters():
        theirs = getattr(lstm, name)
        if name.startswith("weight_hr"):
            assert torch.equal(value, theirs)
        else:  # nn.LSTM's rows are i, f, g, o; JANET's are candidate, forget
            assert torch.equal(value[:H], theirs[2 * H : 3 * H])
            assert torch.equal(value[H:], theirs[H : 2 * H])
    assert (layer.training, layer.weight_ih_l0.dtype) == (False, torch.float64)
    assert repr(layer).partition("(")[2] == repr(lstm).partition("(")[2]


def test_the_report_names_everything():
    layer = JANET.from_lstm(nn.LSTM(3, H, proj_size=2), layer_norm=True)
    report = layer.transfer_report
    assert report.copied == [n for n, _ in nn.LSTM(3, H, proj_size=2).named_parameters()]
    assert report.dropped == dict.fromkeys(report.copied[:4], "i, o")
    assert report.fresh == ["gain_ih_l0", "gain_hh_l0"]
    assert "dropped: weight_ih_l0, rows of gates i, o" in str(report)
    assert copy.deepcopy(layer).transfer_report == report


def test_a_parametrized_lstm_gives_the_weights_it_computes():
    lstm = nn.LSTM(3, H)
    expected = lstm.weight_hh_l0.detach().clone()
    nn.utils.parametrizations.weight_norm(lstm, "weight_hh_l0")
    layer = JANET.from_lstm(lstm)
    torch.testing.assert_close(layer.weight_hh_l0[:H], expected[2 * H : 3 * H])
    assert layer.transfer_report.fresh == []


def test_dropout_at_depth_one_is_taken_over_without_a_second_warning():
    with pytest.warns(UserWarning, match="dropout"):
        lstm = nn.LSTM(3, H, dropout=0.5)
    assert JANET.from_lstm(lstm).dropout == 0.5


def test_forget_behaviour_is_the_lstms():
    """With the candidate at zero both only forget, by the same gate."""
    lstm = nn.LSTM(3, H, dtype=torch.float64)
    with torch.no_grad():
        for p in (lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0, lstm.bias_hh_l0):
            p[2 * H : 3 * H] = 0
    x = torch.randn(1, 1, 3, dtype=torch.float64)
    state = tuple(torch.randn(2, 1, 1, H, dtype=torch.float64))
    torch.testing.assert_close(JANET.from_lstm(lstm)(x, state)[1][1], lstm(x, state)[1][1])


@pytest.mark.parametrize("bias", [True, False])
def test_a_single_step_cell_is_carried_over_too(bias):
    theirs = nn.LSTMCell(3, H, bias, dtype=torch.float64).eval()
    cell = JANETCell.from_lstm(theirs, beta=0.5)
    assert (cell.training, cell.weight_ih.dtype, cell.beta) == (False, torch.float64, 0.5)
    for name, value in cell.named_parameters():
        assert torch.equal(value[:H], getattr(theirs, name)[2 * H : 3 * H])
        assert torch.equal(value[H:], getattr(theirs, name)[H : 2 * H])
    assert cell.transfer_report.copied == [name for name, _ in cell.named_parameters()]
    assert set(cell.transfer_report.dropped.values()) == {"i, o"}


def test_other_layers_are_refused():
    with pytest.raises(UnsupportedError, match="takes a torch.nn.LSTM, got IndRNN"):
        JANET.from_lstm(IndRNN(3, H))
    with pytest.raises(UnsupportedError, match="takes a torch.nn.LSTMCell, got LSTM"):
        JANETCell.from_lstm(nn.LSTM(3, H))
