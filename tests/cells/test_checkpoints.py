"""A state dict says which cell saved it, and what loads it into another names the cell."""

import collections
import io

import pytest
import torch
from torch import nn

from rnnswap import JANET, IndRNN, IndRNNCell, IndRNNv2, JANETCell, RecurrentLayer, with_attention


class Other(RecurrentLayer):
    """Two gates, as JANET: every size agrees."""

    gates = 2

    def step(self, gates_x, state, weights):
        return (gates_x[:, : self.hidden_size],)


class Own(JANET):
    """The recurrence is inherited."""


def model(rnn):
    return nn.ModuleDict({"encoder": rnn, "head": nn.Linear(2, 2)})


def reloaded(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("through", [lambda state: state, reloaded], ids=["memory", "file"])
@pytest.mark.parametrize("settings", [{}, {"strict": False}, {"assign": True}], ids=str)
@pytest.mark.parametrize(
    ("saved", "loading", "words"),
    [
        (JANET, nn.LSTM, "encoder is a torch.nn.LSTM, .* weights of cell JANET there"),
        (IndRNNv2, nn.LSTM, "encoder is a torch.nn.LSTM, .* weights of cell IndRNN there"),
        (JANETCell, nn.LSTMCell, "encoder is a torch.nn.LSTMCell, .* cell JANETCell there"),
        (nn.LSTM, JANET, "encoder is of cell JANET, .* an nn.LSTM there .*load_state_dict_"),
        (nn.LSTMCell, IndRNNCell, "encoder is of cell IndRNNCell, .* an nn.LSTM there"),
        (JANET, IndRNN, "encoder is of cell IndRNN, .* weights of cell JANET there"),
    ],
)
def test_the_message_names_the_cell(saved, loading, words, settings, through):
    state = through(model(saved(3, 4)).state_dict())
    target = model(loading(3, 4))
    before = [p.detach().clone() for p in target["encoder"].parameters()]
    with pytest.raises(RuntimeError, match=words) as caught:
        target.load_state_dict(state, **settings)
    assert "size mismatch" not in str(caught.value)
    after = list(target["encoder"].parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("saved", "loading"),
    [
        (JANET, JANET),
        (JANET, Own),
        (Own, JANET),
        (IndRNN, IndRNNv2),
        (JANETCell, JANETCell),
        (nn.LSTM, nn.LSTM),
        (with_attention(JANET, "soft"), with_attention(JANET, "soft")),
    ],
)
def test_what_has_the_same_recurrence_loads(saved, loading):
    source, target = model(saved(3, 4)), model(loading(3, 4))
    target.load_state_dict(reloaded(source.state_dict()))
    for name, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], value)


def test_weights_of_another_recurrence_whose_sizes_agree_are_warned_of():
    with pytest.warns(UserWarning, match="encoder is of cell Other and loads .* cell JANET saved"):
        model(Other(3, 4)).load_state_dict(model(JANET(3, 4)).state_dict())


def test_without_metadata_an_lstms_weights_are_known_by_their_size():
    state = dict(model(nn.LSTM(3, 4)).state_dict())
    with pytest.raises(RuntimeError, match="an nn.LSTM there .4 gates."):
        model(JANET(3, 4)).load_state_dict(state)
    with pytest.raises(RuntimeError, match="size mismatch for encoder.weight_ih_l0"):
        model(JANET(3, 4)).load_state_dict(dict(model(nn.GRU(3, 4)).state_dict()))


def test_no_key_is_added_and_a_callers_own_dict_serves():
    assert list(JANET(3, 4).state_dict()) == list(nn.LSTM(3, 4).state_dict())
    own = JANET(3, 4).state_dict(destination=collections.OrderedDict(), prefix="a.")
    assert next(iter(own)) == "a.weight_ih_l0"


def test_a_model_of_another_size_gets_torchs_own_message():
    with pytest.raises(RuntimeError, match="size mismatch for encoder.weight_ih_l0"):
        model(JANET(3, 5)).load_state_dict(model(JANET(3, 4)).state_dict())
