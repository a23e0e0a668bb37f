"""What nn.LSTM does on its ordinary calls, for every registered cell."""

import copy
import inspect
import io
import pickle

import pytest
import torch
from cases import CELLS, OWN_CELLS, make
from hypothesis import given
from hypothesis import strategies as st
from tolerances import assert_same
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import rnnswap
from rnnswap.discovery import get_cell
from rnnswap.spec import LSTM_ARGUMENTS

I, H = 5, 6
SETTINGS = [
    {},
    {"num_layers": 2},
    {"bidirectional": True},
    {"num_layers": 3, "bidirectional": True, "dropout": 0.5},
    {"bias": False},
    {"batch_first": True, "num_layers": 2},
    {"proj_size": 2},
    {"proj_size": 2, "num_layers": 2, "bidirectional": True, "bias": False},
    {"hidden_size": 1},
]


def build(name, setting, dtype=torch.float64):
    return make(name, **({"input_size": I, "hidden_size": H, "dtype": dtype} | setting))


def state_for(layer, batch):
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    sizes = (layer.proj_size or layer.hidden_size, layer.hidden_size)
    return tuple(torch.randn(rows, batch, size, dtype=torch.float64) for size in sizes)


def shapes(result):
    output, (h_n, c_n) = result
    return output.shape, h_n.shape, c_n.shape


every_cell = pytest.mark.parametrize("name", CELLS)
own_cell = pytest.mark.parametrize("name", OWN_CELLS)
every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=str)


@every_cell
def test_constructor_takes_nn_lstms_arguments_in_its_order(name):
    layer = get_cell(name)(4, 6, 2, False, True, 0.25, True, 3, None, torch.float64)
    expected = (4, 6, 2, False, True, 0.25, True, 3)
    assert tuple(getattr(layer, a) for a in LSTM_ARGUMENTS[:8]) == expected
    assert {p.dtype for p in layer.parameters()} == {torch.float64}


@own_cell
def test_signature_is_nn_lstms_and_then_keyword_only(name):
    parameters = inspect.signature(get_cell(name)).parameters.values()
    assert tuple(p.name for p in parameters)[: len(LSTM_ARGUMENTS)] == LSTM_ARGUMENTS
    assert all(p.kind is p.KEYWORD_ONLY for p in list(parameters)[len(LSTM_ARGUMENTS) :])


@every_cell
@every_setting
def test_shapes_are_nn_lstms(name, setting):
    layer, lstm = build(name, setting), build("lstm", setting)
    x = torch.randn(3, 4, I, dtype=torch.float64)
    assert shapes(layer(x)) == shapes(lstm(x))
    assert shapes(layer(x[0])) == shapes(lstm(x[0]))
    batch = 3 if layer.batch_first else 4
    state = state_for(layer, batch)
    assert shapes(layer(x, state)) == shapes(lstm(x, state))
    row = tuple(s[:, 0] for s in state)
    assert shapes(layer(x[0], list(row))) == shapes(lstm(x[0], row))


@every_cell
@every_setting
def test_zero_state_is_no_state(name, setting):
    layer = build(name, setting)
    x = torch.randn(3, 4, I, dtype=torch.float64)
    zeros = tuple(torch.zeros_like(s) for s in state_for(layer, 3 if layer.batch_first else 4))
    assert torch.equal(layer(x)[0], layer(x, zeros)[0])


@every_cell
def test_batch_first_is_the_same_transposed(name):
    plain, first = build(name, {}), build(name, {"batch_first": True})
    first.load_state_dict(plain.state_dict())
    x = torch.randn(7, 3, I, dtype=torch.float64)
    expected, state = plain(x)
    output, swapped = first(x.transpose(0, 1))
    assert_same(output.transpose(0, 1), expected)
    assert all(torch.equal(a, b) for a, b in zip(state, swapped, strict=True))


@every_cell
@every_setting
@pytest.mark.parametrize("with_state", [False, True])
def test_packed_equals_each_sequence_alone(name, setting, with_state):
    layer = build(name, setting)
    lengths = [2, 5, 1, 5]
    padded = torch.randn(4, 5, I, dtype=torch.float64)
    packed = pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)
    state = state_for(layer, 4) if with_state else None
    result, (h_n, c_n) = layer(packed, state)
    output, found = pad_packed_sequence(result, batch_first=True)
    assert found.tolist() == lengths
    for row, length in enumerate(lengths):
        own = None if state is None else tuple(s[:, row] for s in state)
        alone, (h, c) = layer(padded[row, :length], own)
        assert_same(output[row, :length], alone)
        assert_same(h_n[:, row], h)
        assert_same(c_n[:, row], c)


@every_cell
def test_packed_and_sorted_keeps_having_no_order(name):
    packed = pack_padded_sequence(torch.randn(5, 2, I, dtype=torch.float64), [5, 3])
    result, _ = build(name, {})(packed)
    assert result.sorted_indices is None
    assert result.unsorted_indices is None
    assert torch.equal(result.batch_sizes, packed.batch_sizes)


@every_cell
@given(data=st.data())
def test_whole_equals_chunks_equals_steps(name, data):
    T = data.draw(st.integers(2, 12), label="T")
    cut = data.draw(st.integers(1, T - 1), label="cut")
    setting = data.draw(st.sampled_from([{}, {"num_layers": 2}, {"proj_size": 2}]), label="setting")
    layer = build(name, setting)
    x = torch.randn(T, 2, I, dtype=torch.float64)
    state = state_for(layer, 2)
    whole, final = layer(x, state)
    head, middle = layer(x[:cut], state)
    tail, end = layer(x[cut:], middle)
    assert_same(torch.cat((head, tail)), whole)
    assert_same(end[0], final[0])
    assert_same(end[1], final[1])
    for t in range(T):
        one, state = layer(x[t : t + 1], state)
        assert_same(one[0], whole[t])


@every_cell
@every_setting
def test_a_batch_row_equals_its_own_run(name, setting):
    layer = build(name, setting | {"batch_first": True})
    x = torch.randn(4, 6, I, dtype=torch.float64)
    output, _ = layer(x)
    for row in range(4):
        assert_same(layer(x[row : row + 1])[0][0], output[row])


@own_cell
@every_setting
def test_parameter_names_and_state_dict_are_nn_lstms(name, setting):
    layer, lstm = build(name, setting), build("lstm", setting)
    assert [n for n, _ in layer.named_parameters()] == [n for n, _ in lstm.named_parameters()]
    assert layer._all_weights == lstm._all_weights
    assert [[id(p) for p in ps] for ps in layer.all_weights] == [
        [id(getattr(layer, n)) for n in ns] for ns in layer._all_weights
    ]
    assert all(p.dim() >= 2 for n, p in layer.named_parameters() if "weight" in n)


@every_cell
@pytest.mark.parametrize("how", ["deepcopy", "pickle", "torch.save", "state_dict"])
def test_copies_give_the_same_numbers(name, how):
    layer = build(name, {"num_layers": 2, "bidirectional": True})
    x = torch.randn(3, 2, I, dtype=torch.float64)
    if how == "deepcopy":
        twin = copy.deepcopy(layer)
    elif how == "pickle":
        twin = pickle.loads(pickle.dumps(layer))
    elif how == "torch.save":
        buffer = io.BytesIO()
        torch.save(layer, buffer)
        buffer.seek(0)
        twin = torch.load(buffer, weights_only=False)
    else:
        twin = build(name, {"num_layers": 2, "bidirectional": True})
        twin.load_state_dict(layer.state_dict(), strict=True)
    assert type(twin) is type(layer)
    assert torch.equal(twin(x)[0], layer(x)[0])
    assert not {id(p) for p in twin.parameters()} & {id(p) for p in layer.parameters()}


@every_cell
def test_gradients_reach_input_state_and_every_parameter(name):
    layer = build(name, {"num_layers": 2, "bidirectional": True, "proj_size": 2})
    x = torch.randn(3, 2, I, dtype=torch.float64, requires_grad=True)
    state = tuple(s.requires_grad_() for s in state_for(layer, 2))
    output, (h_n, c_n) = layer(x, state)
    (output.sum() + h_n.sum() + c_n.sum()).backward()
    for leaf in (x, *state, *layer.parameters()):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()


@own_cell
def test_gradcheck_and_double_backward_through_the_layer(name):
    layer = build(name, {"num_layers": 2, "bidirectional": True, "hidden_size": 2})
    x = torch.randn(3, 2, I, dtype=torch.float64, requires_grad=True)
    state = tuple(s.requires_grad_() for s in state_for(layer, 2))

    def run(x, h0, c0):
        output, (h_n, c_n) = layer(x, (h0, c0))
        return output, h_n, c_n

    assert torch.autograd.gradcheck(run, (x, *state))
    assert torch.autograd.gradgradcheck(run, (x, *state))


@own_cell
def test_is_an_rnn_base_but_not_an_lstm(name):
    layer = build(name, {})
    assert isinstance(layer, nn.RNNBase)
    assert not isinstance(layer, nn.LSTM)
    assert layer.mode == "LSTM"
    layer.flatten_parameters()
    assert type(layer).__module__ == "rnnswap"
    assert "__doc__" in vars(type(layer))


@every_cell
def test_repr_is_nn_lstms_with_the_cells_name(name):
    setting = {"num_layers": 2, "bias": False, "batch_first": True, "proj_size": 2}
    expected = repr(build("lstm", setting)).partition("(")[2]
    assert repr(build(name, setting)) == f"{get_cell(name).__name__}({expected}"


@pytest.mark.parametrize(
    "arguments",
    [
        (0, 6),
        (4, 0),
        (4, 6, 0),
        (4.0, 6),
        (4, "6"),
        (4, 6, 1, 1),
        (4, 6, 1, True, 0),
        (4, 6, 2, True, False, 1.5),
        (4, 6, 2, True, False, True),
        (4, 6, 2, True, False, "0.5"),
        (4, 6, 1, True, False, 0.0, False, 6),
        (4, 6, 1, True, False, 0.0, False, -1),
        (4,),
    ],
    ids=str,
)
@own_cell
def test_constructor_mistakes_raise_nn_lstms_types(name, arguments):
    with pytest.raises((TypeError, ValueError)) as theirs:
        nn.LSTM(*arguments)
    with pytest.raises(type(theirs.value)):
        get_cell(name)(*arguments)


@own_cell
def test_unknown_keyword_is_refused(name):
    with pytest.raises(TypeError, match="hiden"):
        get_cell(name)(4, 6, hiden=3)


@own_cell
def test_dropout_at_depth_one_warns_where_the_layer_is_constructed(name):
    with pytest.warns(UserWarning, match="no effect with num_layers=1") as caught:
        get_cell(name)(4, 6, dropout=0.5)
    assert caught[0].filename == __file__


def pair(*sizes):
    return tuple(torch.zeros(*s) for s in sizes)


@pytest.mark.parametrize(
    ("x", "hx"),
    [
        (torch.zeros(3), None),
        (torch.zeros(2, 3, 4, I), None),
        (torch.zeros(3, 4, I + 1), None),
        (torch.zeros(0, 4, I), None),
        (torch.zeros(3, 4, I, dtype=torch.float64), None),
        (torch.zeros(3, 4, I), pair((1, 5, H), (1, 4, H))),
        (torch.zeros(3, 4, I), pair((1, 4, H), (2, 4, H))),
        (torch.zeros(3, 4, I), pair((1, 4, H + 1), (1, 4, H))),
        (torch.zeros(3, 4, I), pair((1, H), (1, H))),
        (torch.zeros(3, I), pair((1, 1, H), (1, 1, H))),
        (torch.zeros(3, 4, I), tuple(s.double() for s in pair((1, 4, H), (1, 4, H)))),
        (torch.zeros(3, 4, I), tuple(s.long() for s in pair((1, 4, H), (1, 4, H)))),
    ],
    ids=lambda v: str(tuple(v.shape)) if isinstance(v, torch.Tensor) else "state" if v else "-",
)
@own_cell
def test_input_mistakes_raise_nn_lstms_types(name, x, hx):
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        nn.LSTM(I, H)(x, hx)
    with pytest.raises(type(theirs.value)):
        get_cell(name)(I, H)(x, hx)


@own_cell
@pytest.mark.parametrize("hx", [torch.zeros(1, 4, H), (torch.zeros(1, 4, H),), 3], ids=type)
def test_state_that_is_not_a_pair_is_refused(name, hx):
    with pytest.raises(TypeError, match="pair"):
        get_cell(name)(I, H)(torch.zeros(3, 4, I), hx)


@every_cell
def test_batch_of_none_runs(name):
    output, (h_n, _) = build(name, {})(torch.zeros(3, 0, I, dtype=torch.float64))
    assert output.shape == (3, 0, H)
    assert h_n.shape == (1, 0, H)


@own_cell
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_runs_and_trains_in_each_dtype(name, dtype):
    layer = get_cell(name)(I, H, 2, dtype=dtype)
    output, (h_n, c_n) = layer(torch.randn(3, 4, I, dtype=dtype))
    output.sum().backward()
    assert {t.dtype for t in (output, h_n, c_n, *(p.grad for p in layer.parameters()))} == {dtype}


@own_cell
def test_autocast_gives_the_low_precision(name):
    layer = get_cell(name)(I, H, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, (h_n, c_n) = layer(torch.randn(3, 4, I))
    assert {output.dtype, h_n.dtype, c_n.dtype} == {torch.bfloat16}
    output.float().sum().backward()
    assert {p.grad.dtype for p in layer.parameters()} == {torch.float32}


@own_cell
def test_dropout_acts_between_layers_in_training_only(name):
    layer = get_cell(name)(I, H, 2, dropout=0.999999)
    x = torch.randn(3, 4, I)
    trained, (h_n, _) = layer(x)
    bare = get_cell(name)(H, H)
    top = {n.replace("l1", "l0"): p for n, p in layer.state_dict().items() if "l1" in n}
    bare.load_state_dict(top)
    # All of the first layer's output was dropped: the second saw zeros; the last is never dropped.
    assert_same(trained, bare(torch.zeros(3, 4, H))[0])
    assert not torch.equal(layer.eval()(x)[0], trained)
    assert h_n[0].abs().sum() > 0


@own_cell
def test_torch_compile_takes_it_whole_without_a_flag(name):
    layer = get_cell(name)(I, H, 2, bidirectional=True)
    x = torch.randn(3, 4, I)
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    output, _ = compiled(x)
    assert_same(output, layer(x)[0])
    output.sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
    torch.compiler.reset()


@own_cell
def test_torch_jit_script_is_refused_in_one_sentence(name):
    with pytest.raises(rnnswap.UnsupportedError, match="use torch.compile, torch.export"):
        torch.jit.script(get_cell(name)(I, H))


@own_cell
def test_meta_device_and_to_empty(name):
    layer = get_cell(name)(I, H, device="meta")
    assert {p.device.type for p in layer.parameters()} == {"meta"}
    layer.to_empty(device="cpu").reset_parameters()
    assert layer(torch.randn(3, 4, I))[0].isfinite().all()


@own_cell
def test_weights_are_read_at_each_call(name):
    """A weight-drop wrapper deletes a parameter and sets a tensor in its place on each forward."""
    layer = build(name, {})
    raw = layer.weight_hh_l0
    del layer._parameters["weight_hh_l0"]
    layer.weight_hh_l0 = raw * 0
    x = torch.randn(3, 4, I, dtype=torch.float64)
    dropped = layer(x)[0]
    layer.weight_hh_l0 = raw.detach().clone()
    assert not torch.equal(layer(x)[0], dropped)
    nn.utils.parametrizations.weight_norm(layer, "weight_ih_l0")
    assert layer.double()(x)[0].isfinite().all()


@own_cell
def test_functional_call_uses_the_given_weights(name):
    layer = build(name, {})
    x = torch.randn(3, 4, I, dtype=torch.float64)
    zeros = {n: torch.zeros_like(p) for n, p in layer.named_parameters()}
    output, _ = torch.func.functional_call(layer, zeros, (x,))
    assert torch.equal(output, torch.zeros_like(output))
