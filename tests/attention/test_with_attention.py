"""with_attention(CELL, NAME): a class that stands where the cell stands."""

import copy
import pickle

import pytest
import torch
from cases import CELLS
from tolerances import assert_same
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnswap import JANET, OptionError, UnknownNameError, with_attention
from rnnswap.discovery import get_cell

I, H = 4, 6


def build(name, **kwargs):
    return with_attention(get_cell(name), "soft")(I, H, dtype=torch.float64, **kwargs).eval()


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(
    "setting", [{}, {"bidirectional": True}, {"batch_first": True}, {"proj_size": 2}], ids=str
)
def test_shapes_are_nn_lstms_and_the_state_is_the_recurrences(name, setting):
    layer = build(name, num_layers=2, **setting)
    bare = get_cell(name)(I, H, 2, dtype=torch.float64, **setting).eval()
    bare.load_state_dict({k: v for k, v in layer.state_dict().items() if "attention" not in k})
    for x in (torch.randn(3, 2, I, dtype=torch.float64), torch.randn(3, I, dtype=torch.float64)):
        output, state = layer(x)
        expected, bare_state = bare(x)
        assert output.shape == expected.shape
        assert not torch.equal(output, expected)
        assert all(torch.equal(a, b) for a, b in zip(state, bare_state, strict=True))


def test_output_is_tanh_of_context_and_output():
    layer = build("janet")
    x = torch.randn(5, 1, I, dtype=torch.float64)
    hidden = JANET.forward(layer, x)[0][:, 0]
    projected = hidden @ layer.attention.mechanism.key_projection.weight.t()
    output = layer(x)[0][:, 0]
    for t in range(5):
        weights = torch.softmax(projected[: t + 1] @ hidden[t], 0)
        both = torch.cat((weights @ hidden[: t + 1], hidden[t]))
        assert_same(output[t], torch.tanh(layer.attention.combine.weight @ both))


def test_unidirectional_is_causal_and_bidirectional_is_not():
    x = torch.randn(6, 1, I, dtype=torch.float64)
    later = x.clone()
    later[4:] += 1
    causal, both = build("janet"), build("janet", bidirectional=True)
    assert torch.equal(causal(x)[0][:4], causal(later)[0][:4])
    assert not torch.equal(both(x)[0][:4], both(later)[0][:4])


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_packed_equals_each_sequence_alone(name, bidirectional):
    layer = build(name, bidirectional=bidirectional)
    lengths = [2, 5, 3]
    padded = torch.randn(5, 3, I, dtype=torch.float64)
    packed, _ = layer(pack_padded_sequence(padded, lengths, enforce_sorted=False))
    output, _ = pad_packed_sequence(packed)
    for row, length in enumerate(lengths):
        assert_same(output[:length, row], layer(padded[:length, row])[0])


def test_the_same_arguments_give_the_same_class():
    assert with_attention(JANET, "soft") is with_attention(JANET, "soft")
    assert with_attention(JANET, "soft", score="dot") is not with_attention(JANET, "soft")


@pytest.mark.parametrize("name", CELLS)
def test_class_and_instances_survive_pickle_and_deepcopy(name):
    cls = with_attention(get_cell(name), "soft", score="additive")
    assert pickle.loads(pickle.dumps(cls)) is cls
    assert copy.deepcopy(cls) is cls
    layer = cls(I, H)
    x = torch.randn(3, 2, I)
    for twin in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert type(twin) is cls
        assert torch.equal(twin.eval()(x)[0], layer.eval()(x)[0])


def test_class_can_be_a_base_and_tells_its_name():
    class Mine(with_attention(nn.LSTM, "soft")):
        pass

    assert Mine(I, H)(torch.randn(3, 2, I))[0].shape == (3, 2, H)
    assert with_attention(JANET, "soft").__name__ == "JANETWithSoftAttention"
    assert "soft attention" in with_attention(JANET, "soft").__doc__


@pytest.mark.parametrize(
    ("cell", "name", "options", "error", "words"),
    [
        (JANET, "sofft", {}, UnknownNameError, "did you mean 'soft'"),
        (JANET, "soft", {"heads": 2}, OptionError, "no option 'heads'"),
        ("janet", "soft", {}, OptionError, "layer class, got 'janet'"),
        (int, "soft", {}, OptionError, "layer class"),
        (nn.Linear, "soft", {}, OptionError, "layer class"),
        (nn.LSTMCell, "soft", {}, OptionError, "layer class"),
        (JANET, None, {}, OptionError, "named by a string, got None"),
    ],
)
def test_bad_arguments_are_refused(cell, name, options, error, words):
    with pytest.raises(error, match=words):
        with_attention(cell, name, **options)
