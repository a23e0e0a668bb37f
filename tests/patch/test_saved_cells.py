"""A checkpoint of a swapped model is loaded into the model with nn.LSTM that was swapped."""

import io

import pytest
import torch
from cases import OWN_CELLS
from torch import nn

import rnnswap
from rnnswap.discovery import get_cell

OPTIONS = {
    "janet": {"beta": 0.5, "layer_norm": True},
    "indrnn": {"nonlinearity": "tanh", "recurrent_max": 1.5},
    "indrnn-v2": {"nonlinearity": "tanh", "batch_norm": True, "recurrent_init": (0.1, 0.4)},
}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(4, 8, 2, batch_first=True)
        self.again = self.rnn
        self.step = nn.LSTMCell(8, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.step(self.rnn(x)[0][:, -1])[0])


def through_a_file(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("cell", OWN_CELLS)
@pytest.mark.parametrize("as_lstm", [False, True])
def test_the_cells_are_put_in_with_their_options(cell, as_lstm):
    trained = Model()
    rnnswap.swap_(trained, cell, options=OPTIONS.get(cell), as_lstm=as_lstm, where="rnn")
    model = Model()
    report = rnnswap.load_state_dict_(model, through_a_file(trained.state_dict()))
    assert report.swapped == ["rnn"]
    assert "swapped  rnn" in str(report)
    assert type(model.rnn) is get_cell(cell)
    assert model.again is model.rnn
    assert type(model.step) is nn.LSTMCell
    x = torch.randn(3, 5, 4)
    torch.testing.assert_close(model.eval()(x), trained.eval()(x), rtol=0, atol=0)


def test_single_step_cells_too():
    trained, model = Model(), Model()
    rnnswap.swap_(trained, "janet")
    assert rnnswap.load_state_dict_(model, trained.state_dict()).swapped == ["rnn", "step"]
    assert type(model.step) is rnnswap.JANETCell


def test_a_failing_load_leaves_the_lstms():
    trained, model = Model(), Model()
    rnnswap.swap_(trained, "janet")
    state = trained.state_dict()
    del state["head.bias"]
    before = model.rnn
    with pytest.raises(rnnswap.SwapError, match="head.bias"):
        rnnswap.load_state_dict_(model, state)
    assert model.rnn is before
    assert model.again is before
    assert type(model.step) is nn.LSTMCell


def test_a_state_dict_holds_plain_values_only():
    layer = rnnswap.JANET(4, 8, beta=0.5)
    layer.beta = torch.tensor(0.25)  # a user's own, which the cell does not read
    metadata = through_a_file(layer.state_dict())._metadata[""]
    assert metadata["rnnswap_options"] == {"beta": 0.5}
    assert metadata["rnnswap_classes"][0] == "rnnswap:JANET"


def test_what_is_saved_of_lstms_swaps_nothing():
    model = Model()
    assert rnnswap.load_state_dict_(model, Model().state_dict()).swapped == []
    assert type(model.rnn) is nn.LSTM


def test_the_model_itself_and_unknown_cells_are_left_to_the_error():
    with pytest.raises(rnnswap.SwapError, match="put that cell into the model first"):
        rnnswap.load_state_dict_(nn.LSTM(4, 8), rnnswap.JANET(4, 8).state_dict())
    trained = Model()
    rnnswap.swap_(trained, "janet")
    state = trained.state_dict()
    for name in ("rnn", "again"):
        state._metadata[name]["rnnswap_classes"] = ["nobody:JANET"]
    with pytest.raises(rnnswap.SwapError, match="rnn is a torch.nn.LSTM, the checkpoint has"):
        rnnswap.load_state_dict_(Model(), state)
