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
from rnnswap.attention._recurrent import _OverSteps
from rnnswap.discovery import get_cell, list_attentions
from rnnswap.testing import check_drop_in

I, H = 4, 6


def build(name, mechanism="soft", **kwargs):
    return with_attention(get_cell(name), mechanism)(I, H, dtype=torch.float64, **kwargs).eval()


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


@pytest.mark.parametrize("mechanism", list_attentions())
def test_unidirectional_is_causal_and_bidirectional_is_not(mechanism):
    x = torch.randn(6, 1, I, dtype=torch.float64)
    later = x.clone()
    later[4:] += 1
    causal, both = build("janet", mechanism), build("janet", mechanism, bidirectional=True)
    assert_same(causal(x)[0][:4], causal(later)[0][:4])
    assert not torch.equal(both(x)[0][:4], both(later)[0][:4])


@pytest.mark.parametrize("mechanism", list_attentions())
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_packed_equals_each_sequence_alone(name, bidirectional, mechanism):
    layer = build(name, mechanism, bidirectional=bidirectional)
    lengths = [2, 5, 3]
    padded = torch.randn(5, 3, I, dtype=torch.float64)
    packed, _ = layer(pack_padded_sequence(padded, lengths, enforce_sorted=False))
    output, _ = pad_packed_sequence(packed)
    for row, length in enumerate(lengths):
        assert_same(output[:length, row], layer(padded[:length, row])[0])


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("mechanism", list_attentions())
def test_a_trace_serves_another_length(mechanism):
    layer = build("janet", mechanism)
    inputs = [torch.randn(steps, 2, I, dtype=torch.float64) for steps in (2, 5, 9)]
    for example in inputs:
        traced = torch.jit.trace(layer, (example,))
        for x in inputs:
            assert_same(traced(x)[0], layer(x)[0])


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
        (JANET, "soft", {"score": ["dot"]}, OptionError, "score must be one of"),
        (JANET, "hard", {"k": True}, OptionError, "option k takes an int, got 'True'"),
        (JANET, "hard", {"k": 0}, OptionError, "option k must be at least 1, got 0"),
        (JANET, "hard", {"threshold": -0.5}, OptionError, "threshold must be at least 0"),
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


def test_options_that_mean_the_same_name_one_class():
    one = with_attention(JANET, "hard", threshold=1)
    assert one is with_attention(JANET, "hard", threshold=1.0, k=None)
    assert one(I, H).attention.mechanism.threshold == 1.0


def test_hard_attention_takes_sequences_shorter_than_k():
    layer = with_attention(JANET, "hard", k=8)(I, H, bidirectional=True)
    assert layer(torch.randn(3, 2, I))[0].shape == (3, 2, 2 * H)


#: What each mechanism declares besides, and why.
DECLARED = {"hard": {"bfloat16"}}  # rounding decides which of two near weights is kept


@pytest.mark.parametrize("mechanism", list_attentions())
def test_a_drop_in_but_for_state_carried_over(mechanism):
    report = check_drop_in(with_attention(JANET, mechanism))
    assert report.passed, str(report)
    declared = {result.name for result in report.results if result.status == "declared-unsupported"}
    assert declared - DECLARED.get(mechanism, set()) == {"state-carried-over"}


@pytest.mark.filterwarnings(  # Dynamo's own
    "ignore:The .grad attribute of a Tensor:UserWarning",
    "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning",
)
@pytest.mark.parametrize("options", [{}, {"bidirectional": True}], ids=str)
def test_hard_attention_is_exported_for_every_length_those_below_k_too(options):
    layer = with_attention(JANET, "hard", k=4)(I, H, **options)
    steps, batch = torch.export.Dim("steps", min=2), torch.export.Dim("batch", min=2)
    shapes = ({0: steps, 1: batch},)
    program = torch.export.export(layer, (torch.randn(6, 3, I),), dynamic_shapes=shapes).module()
    for size in ((6, 3), (2, 4), (9, 2)):
        x = torch.randn(*size, I)
        torch.testing.assert_close(program(x)[0], layer(x)[0])


@pytest.mark.parametrize("cell", CELLS)
def test_over_every_cell_it_is_a_drop_in(cell):
    report = check_drop_in(with_attention(get_cell(cell), "self"))
    assert report.passed, str(report)


def test_chunks_give_another_output_and_the_same_state():
    layer, x = build("janet"), torch.randn(6, 2, I, dtype=torch.float64)
    whole, (h_n, _) = layer(x)
    head, state = layer(x[:3])
    tail, (last, _) = layer(x[3:], state)
    assert_same(head, whole[:3])
    assert not torch.equal(tail, whole[3:])
    assert_same(last, h_n)


def test_a_series_of_features_needs_both_directions_and_no_more_steps():
    cls = with_attention(JANET, "feature", series=5)
    packed = pack_padded_sequence(torch.randn(5, 2, I), [5, 3])
    assert cls(I, H, bidirectional=True)(packed)[0].data.shape == (8, 2 * H)
    with pytest.raises(OptionError, match="with series reads later steps too .* cannot be causal"):
        cls(I, H)(torch.randn(5, 2, I))
    with pytest.raises(OptionError, match=r"key must have 5 steps \(series\), got 6"):
        cls(I, H, bidirectional=True)(torch.randn(6, 2, I))


def test_reset_parameters_draws_the_attentions_too():
    layer = build("lstm")
    layer.attention.combine.weight.data.fill_(float("nan"))
    layer.reset_parameters()
    assert all(p.isfinite().all() for p in layer.parameters())
    assert layer.attention.combine.weight.abs().max() <= (2 * H) ** -0.5


class Mean(nn.Module):
    """A stranger's mechanism: it knows nothing but the four arguments of the contract."""

    def __init__(self, query_size, key_size, *, device=None, dtype=None):
        super().__init__()

    def forward(self, query, key, value, mask):
        weights = mask.to(value.dtype) / mask.sum(-1, keepdim=True)
        return weights @ value, weights


def test_a_strangers_module_gets_the_mask_of_the_contract():
    over = _OverSteps(Mean(H, H), H, causal=True)
    output = torch.randn(2, 4, H)
    mean = output.cumsum(1) / torch.arange(1, 5).view(1, 4, 1)
    expected = torch.tanh(over.combine(torch.cat((mean, output), -1)))
    assert_same(over(output, None), expected)
