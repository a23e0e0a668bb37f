"""Numbers and lists of other libraries, where nn.LSTM takes them or a cell asks for them."""

import decimal
import fractions
from collections import UserList

import numpy as np
import pytest
import torch
from cases import CELLS
from torch import nn

from rnnswap import JANET, IndRNN, IndRNNCell, OptionError, RecurrentLayer, swap_
from rnnswap.discovery import get_cell

X = torch.zeros(3, 2, 4)
NUMBERS = [
    ("num_layers", np.int64(2)),
    ("num_layers", np.uint8(2)),
    ("num_layers", torch.tensor(2)),
    ("dropout", np.float32(0.5)),
    ("dropout", np.float16(0.5)),
    ("dropout", np.int64(0)),
    ("dropout", fractions.Fraction(1, 2)),
    ("dropout", decimal.Decimal("0.5")),
    ("proj_size", np.int32(2)),
    ("proj_size", np.int64(0)),
    ("proj_size", False),
]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(("argument", "number"), NUMBERS)
def test_numbers_that_nn_lstm_takes(name, argument, number):
    if number and argument in getattr(get_cell(name), "unsupported", ()):
        pytest.skip(f"{name} has no {argument}")
    given = {"num_layers": 2, argument: number}
    layer, lstm = get_cell(name)(4, 8, **given), nn.LSTM(4, 8, **given)
    assert layer(X)[0].shape == lstm(X)[0].shape
    assert getattr(layer, argument) == getattr(lstm, argument)
    if isinstance(layer, RecurrentLayer):
        assert type(getattr(layer, argument)) in (int, float, bool)
        plain = {argument: float(number) if argument == "dropout" else int(number)}
        assert repr(layer) == repr(type(layer)(4, 8, **{"num_layers": 2} | plain))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(
    ("argument", "value", "error"),
    [
        ("num_layers", np.float64(2), TypeError),
        ("num_layers", np.bool_(True), TypeError),
        ("num_layers", np.int64(0), ValueError),
        ("dropout", np.bool_(True), ValueError),
        ("dropout", np.float32(1.5), ValueError),
        ("dropout", torch.tensor(0.5), ValueError),
        ("dropout", 1j, TypeError),
        ("bias", np.bool_(True), TypeError),
        ("hidden_size", np.int64(8), TypeError),
    ],
)
def test_what_nn_lstm_refuses_is_refused_by_its_type(name, argument, value, error):
    given = {"input_size": 4, "hidden_size": 8, argument: value}
    for kind in (nn.LSTM, get_cell(name)):
        with pytest.raises(error):
            kind(**given)


def test_options_take_numbers_and_lists_of_other_libraries():
    options = {"recurrent_max": np.float32(1.5), "recurrent_min": np.int64(1)}
    ranges = {"recurrent_init": UserList([1.0, 1.25]), "last_layer_init": np.array([1.0, 1.5])}
    layer = IndRNN(
        4, 8, 2, **options, **ranges, gradient_clip=np.float32(0.5), zoneout=np.half(0.5)
    )
    assert (layer.recurrent_max, layer.recurrent_min, layer.zoneout) == (1.5, 1, 0.5)
    assert (layer.recurrent_init, layer.last_layer_init) == ((1.0, 1.25), (1.0, 1.5))
    assert layer.gradient_clip == (-0.5, 0.5)
    layer(X)[0].sum().backward()
    assert IndRNNCell(4, 8, recurrent_init=torch.tensor([0.5, 0.75])).recurrent_init == (0.5, 0.75)
    assert (JANET(4, 8, beta=np.float32(2), t_max=np.int64(9)).t_max) == 9
    for wrong in ({"low": 0, "high": 1}, {0.5, 0.75}, 0.5, np.ones((2, 2)), np.ones(3)):
        with pytest.raises(OptionError):
            IndRNN(4, 8, recurrent_init=wrong)


def test_where_may_be_any_list():
    model = nn.ModuleDict({"a": nn.LSTM(4, 8), "b": nn.LSTM(4, 8)})
    report = swap_(model, where=UserList(["a"]))
    assert [s.path for s in report.swapped] == ["a"]
    with pytest.raises(OptionError, match="where takes a glob"):
        swap_(model, where=UserList([1]))


@pytest.mark.parametrize("name", CELLS)
def test_sentences_that_programs_match_on(name):
    layer = get_cell(name)(4, 8)
    with pytest.raises(TypeError, match="bias should be of type bool"):
        get_cell(name)(4, 8, bias=1)
    with pytest.raises(TypeError, match="batch_first should be of type bool"):
        get_cell(name)(4, 8, batch_first=1)
    with pytest.raises(TypeError, match="hidden_size should be of type int"):
        get_cell(name)(4, 8.0)
    with pytest.raises(ValueError, match="num_layers must be greater than zero"):
        get_cell(name)(4, 8, 0)
    with pytest.raises(ValueError, match="dropout should be a number in range"):
        get_cell(name)(4, 8, 2, dropout=2)
    sentence = r"RNN input dtype \(torch.float64\) does not match weight dtype \(torch.float32\)"
    with pytest.raises(ValueError, match=sentence):
        layer(X.double())


@pytest.mark.parametrize("name", CELLS)
def test_one_stacked_state_of_unsorted_sequences(name):
    layer = get_cell(name)(4, 8)
    lengths = torch.tensor([2, 3])
    packed = nn.utils.rnn.pack_padded_sequence(X, lengths, enforce_sorted=False)
    state = torch.rand(2, 1, 2, 8)
    found, expected = layer(packed, state), layer(packed, (state[0], state[1]))
    assert torch.equal(found[0].data, expected[0].data)
    assert torch.equal(found[1][0], expected[1][0])
    with pytest.raises((TypeError, RuntimeError, IndexError)):
        layer(packed, torch.rand(2, 1, 8))
