"""`as_lstm`: cells of which isinstance(layer, nn.LSTM) is True, by every route and way back."""

import copy
import inspect
import io
import pickle
import subprocess
import sys

import pytest
import torch
from cases import OWN_CELLS
from torch import nn

import rnnswap
from rnnswap.discovery import get_cell
from rnnswap.patch._as_lstm import as_lstm


class Leaky(rnnswap.RecurrentLayer):
    """A cell given as one step."""

    gates = 1

    def step(self, gates_x, state, weights):
        return (0.9 * state[0] + torch.tanh(gates_x + state[0] @ weights["weight_hh"].t()),)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(4, 8, 2)
        self.step = nn.LSTMCell(8, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        output, _ = self.rnn(x)
        return self.head(output + self.step(output[-1])[0])


class Asks(nn.Module):
    """Takes an nn.LSTM, and nothing else."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(4, 8)

    def forward(self, x):
        layer = self.rnn
        if not isinstance(layer, nn.LSTM):
            raise TypeError("no LSTM")
        return layer(x)


KINDS = [*map(get_cell, OWN_CELLS), Leaky, rnnswap.with_attention(rnnswap.JANET, "soft")]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def pair(kind):
    """The same layer as the class itself and as an nn.LSTM too, and an input."""
    torch.manual_seed(1)
    plain = kind(4, 8, 2, dropout=0.0)
    torch.manual_seed(1)
    return plain, as_lstm(kind)(4, 8, 2, dropout=0.0), torch.randn(5, 3, 4)


def assert_alike(found, expected, **tolerance):
    torch.testing.assert_close(found, expected, **(tolerance or {"rtol": 0, "atol": 0}))


@each_kind
def test_it_is_both_and_computes_as_the_cell(kind):
    plain, layer, x = pair(kind)
    assert isinstance(layer, nn.LSTM)
    assert isinstance(layer, kind)
    assert not isinstance(plain, nn.LSTM)
    assert_alike(layer(x), plain(x))
    assert as_lstm(kind) is as_lstm(kind)
    assert inspect.signature(as_lstm(kind)) == inspect.signature(kind)
    assert repr(layer).startswith(f"{kind.__name__}AsLSTM(")
    assert as_lstm(kind).unsupported == kind.unsupported


@each_kind
def test_copies_and_checkpoints(kind):
    plain, layer, x = pair(kind)
    buffer = io.BytesIO()
    torch.save(layer, buffer)
    buffer.seek(0)
    twins = [
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),
        torch.load(buffer, weights_only=False),
    ]
    for twin in twins:
        assert type(twin) is as_lstm(kind)
        assert_alike(twin(x), plain(x))
    assert pickle.loads(pickle.dumps(as_lstm(kind))) is as_lstm(kind)
    for one, other in [(plain, layer), (layer, plain)]:
        other.load_state_dict(one.state_dict())
    with pytest.raises(RuntimeError, match="size mismatch"):
        as_lstm(kind)(4, 6, 2).load_state_dict(layer.state_dict())


def test_another_process_unpickles_it():
    layer = as_lstm(rnnswap.with_attention(rnnswap.JANET, "soft"))(4, 8)
    code = (
        "import pickle, sys, torch; layer = pickle.loads(sys.stdin.buffer.read()); "
        "print(type(layer).__name__, isinstance(layer, torch.nn.LSTM))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(layer), capture_output=True, check=True
    )
    assert done.stdout.decode().split() == ["JANETWithSoftAttentionAsLSTM", "True"]


@each_kind
def test_parametrized(kind):
    plain, layer, x = pair(kind)
    nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    assert isinstance(layer, nn.LSTM)
    assert isinstance(layer, kind)
    assert_alike(layer(x), plain(x), rtol=1e-4, atol=1e-5)
    nn.utils.parametrize.remove_parametrizations(layer, "weight_hh_l0")
    assert type(layer) is as_lstm(kind)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
# Of torch's own, while it exports its scan operator.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
@pytest.mark.parametrize("kind", KINDS[:-1], ids=lambda kind: kind.__name__)
def test_quantized_traced_and_exported(kind):
    plain, layer, x = pair(kind)
    quantized = torch.ao.quantization.quantize_dynamic(nn.Sequential(layer, nn.Identity()))
    assert_alike(quantized[0](x), plain(x))  # an nn.LSTM's quantization is not the cell's
    trace = torch.jit.trace(layer, x, check_trace=False)
    assert_alike(trace(x), plain(x), rtol=1e-4, atol=1e-5)
    assert_alike(torch.export.export(layer, (x,)).module()(x), plain(x), rtol=1e-4, atol=1e-5)


@each_kind
@pytest.mark.parametrize("dynamic", [None, True, False])
def test_compiled_code_breaks_there_and_is_right(kind, dynamic):
    """A loop over steps is a higher order operator, which Dynamo refuses in an nn.LSTM's frames."""
    torch.compiler.reset()
    _, layer, x = pair(kind)
    model = nn.Sequential(nn.Linear(4, 4), layer)
    compiled = torch.compile(model, backend="aot_eager", dynamic=dynamic)
    for given in (x, torch.randn(7, 2, 4)):
        assert_alike(compiled(given), model(given), rtol=1e-4, atol=1e-5)
        compiled(given)[0].sum().backward()


@pytest.mark.parametrize("cell", OWN_CELLS)
def test_swapped_in_and_back(cell):
    model, x = Model(), torch.randn(5, 3, 4)
    report = rnnswap.swap_(model, cell, as_lstm=True)
    assert isinstance(model.rnn, nn.LSTM)
    assert isinstance(model.rnn, get_cell(cell))
    assert report.swapped[0].path == "rnn"
    assert f"{get_cell(cell).__name__}AsLSTM(4, 8, num_layers=2" in str(report)
    model(x).sum().backward()
    # A second swap finds no LSTM there, and does not call the cell a subclass of one.
    alone = nn.Sequential(model.rnn)
    with pytest.warns(rnnswap.NoEffectWarning, match=f"there is {cell}: name it with source="):
        assert rnnswap.swap_(alone, "janet" if cell != "janet" else "indrnn").left == []
    back = rnnswap.swap_(model, "lstm", source=cell)
    assert type(model.rnn) is nn.LSTM
    assert type(model.step) is nn.LSTMCell
    back.undo()
    assert isinstance(model.rnn, get_cell(cell))
    report.undo()
    assert type(model.rnn) is nn.LSTM


def test_from_one_cell_to_another():
    model = Model()
    rnnswap.swap_(model, "janet", as_lstm=True)
    rnnswap.swap_(model, "indrnn", source="janet", as_lstm=True)
    assert type(model.rnn) is as_lstm(rnnswap.IndRNN)
    rnnswap.swap_(model, "janet", source="indrnn")
    assert type(model.rnn) is rnnswap.JANET


def test_a_parametrized_one_is_no_lstm_that_was_left():
    model = nn.Sequential(as_lstm(rnnswap.JANET)(4, 8), nn.LSTM(8, 8))
    nn.utils.parametrizations.weight_norm(model[0], "weight_hh_l0")
    assert rnnswap.swap_(model, "indrnn").left == []
    with pytest.warns(rnnswap.NoEffectWarning):
        (left,) = rnnswap.swap_(model, "lstm", source="janet").left
    assert left.path == "0"
    assert "weight_hh_l0 parametrized" in left.reason


@pytest.mark.parametrize("attention", [None, "soft"])
def test_patched(attention):
    with rnnswap.patched("janet", attention=attention, as_lstm=True) as report:
        model = Model()
        assert type(nn.LSTM(3, 4)) is not nn.LSTM
        assert not isinstance(nn.GRU(3, 4), nn.LSTM)
    assert isinstance(model.rnn, nn.LSTM)
    assert isinstance(model.rnn, rnnswap.JANET)
    assert isinstance(model.step, nn.LSTMCell)
    assert isinstance(model.step, rnnswap.JANETCell)
    assert len(report.swapped) == 3
    assert not report.left
    assert type(nn.LSTM(3, 4)) is nn.LSTM
    with rnnswap.patched("lstm", source="janet"):
        assert type(as_lstm(rnnswap.JANET)(3, 4)) is nn.LSTM
    model(torch.randn(5, 3, 4)).sum().backward()


def test_a_checkpoint_of_an_lstm_goes_in():
    checkpoint = Model().state_dict()
    model = Model()
    rnnswap.swap_(model, "janet", as_lstm=True)
    report = rnnswap.load_state_dict_(model, checkpoint)
    assert "rnn.weight_hh_l0" in report.derived
    with pytest.raises(RuntimeError, match="checkpoint has the weights of cell JANET"):
        Model().load_state_dict(model.state_dict())


def test_a_class_that_derives_from_no_layer_of_ours_is_refused(monkeypatch):
    with pytest.raises(rnnswap.SwapError, match=r"GRU cannot be made an nn\.LSTM as well"):
        as_lstm(nn.GRU)
    assert as_lstm(nn.LSTM) is nn.LSTM


def test_an_error_beside_a_cell_names_the_option():
    def build_and_run():
        model = Asks()
        return model(torch.randn(5, 3, 4))

    with pytest.raises(TypeError, match="no LSTM") as caught, rnnswap.patched("janet"):
        build_and_run()
    assert "as_lstm=True (rnnswap train --as-lstm)" in caught.value.__notes__[0]
    with rnnswap.patched("janet", as_lstm=True):
        build_and_run()
    # As libraries do that take every other layer's state for one tensor.
    state = torch.zeros(1, 3, 8)
    with pytest.raises(TypeError) as caught, rnnswap.patched("janet"):
        Asks().rnn(torch.randn(5, 3, 4), state)
    assert not hasattr(caught.value, "__notes__")  # no model is in sight here
    model = Asks()
    rnnswap.swap_(model, "janet")
    with pytest.raises(TypeError) as caught, rnnswap.patched("janet"):
        model.rnn(torch.randn(5, 3, 4), state)
    assert "as_lstm=True" in caught.value.__notes__[0]
    # What the cell itself raises has nothing to do with it, nor what is raised elsewhere.
    for run in (lambda: Asks().rnn(torch.randn(5, 3, 9)), lambda: 1 / 0):
        with pytest.raises((RuntimeError, ZeroDivisionError)) as caught, rnnswap.patched("janet"):
            run()
        assert not hasattr(caught.value, "__notes__")
