"""MultiheadAttention in place of nn.MultiheadAttention: arguments, masks, numbers, state dict."""

import inspect
import pickle

import pytest
import torch
from tolerances import assert_same
from torch import nn

from rnnswap import OptionError
from rnnswap.attention import MultiheadAttention

B, L, S, E, HEADS = 3, 4, 5, 12, 4
INF = float("-inf")

PADDING = torch.tensor([[0, 0, 0, 0, 1], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0]]).bool()
LATER = torch.ones(L, S, dtype=torch.bool).triu(1)
OF_HEADS = torch.rand(B * HEADS, L, S, generator=torch.Generator().manual_seed(1)) > 0.7
OF_HEADS[..., 0] = False


def added(mask):
    return torch.zeros(mask.shape, dtype=torch.float64).masked_fill(mask, INF)


PADDINGS = {"none": None, "bool": PADDING, "float": added(PADDING)}
PAIRS = {"none": None, "later": LATER, "heads": OF_HEADS, "float": torch.linspace(-1, 1, L * S)}
PAIRS["float"] = PAIRS["float"].double().reshape(L, S)


def pair(*arguments, **settings):
    """Ours and torch's with one state dict, biases that are not zero, in float64."""
    settings = {"dtype": torch.float64, "batch_first": True, **settings}
    torchs = nn.MultiheadAttention(E, HEADS, *arguments, **settings)
    ours = MultiheadAttention(E, HEADS, *arguments, **settings)
    for name, parameter in torchs.named_parameters():
        if "bias" in name:
            nn.init.normal_(parameter)
    ours.load_state_dict(torchs.state_dict())
    return ours, torchs


def inputs(kdim=E, vdim=E):
    sizes = ((L, E), (S, kdim), (S, vdim))
    return [torch.randn(B, *size, dtype=torch.float64, requires_grad=True) for size in sizes]


def assert_alike(ours, torchs, tensors, **call):
    results = []
    for layer in (ours, torchs):
        torch.manual_seed(1)  # of the dropout
        output, weights = layer(*tensors, **call)
        results.append((output, weights, *torch.autograd.grad(output.sin().sum(), tensors)))
    for actual, truth in zip(*results, strict=True):
        assert (actual is None) == (truth is None)
        if actual is not None:
            assert_same(actual, truth)


def test_it_is_one_with_torchs_signatures():
    ours, torchs = pair()
    assert isinstance(ours, nn.MultiheadAttention)
    for name in ("__init__", "forward"):
        functions = (getattr(cls, name) for cls in (MultiheadAttention, nn.MultiheadAttention))
        mine, theirs = (inspect.signature(function).parameters.values() for function in functions)
        assert [(p.name, p.default) for p in mine] == [(p.name, p.default) for p in theirs]
    assert list(ours.state_dict()) == list(torchs.state_dict())
    assert torch.equal(pickle.loads(pickle.dumps(ours)).in_proj_weight, torchs.in_proj_weight)


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask:UserWarning")
def test_masks_mean_what_torchs_mean(padding, pairs, need_weights):
    call = {"key_padding_mask": PADDINGS[padding], "attn_mask": PAIRS[pairs]}
    for average in (False, True):
        call |= {"need_weights": need_weights, "average_attn_weights": average}
        assert_alike(*pair(), inputs(), **call)


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize(
    "setting",
    [
        {"bias": False},
        {"add_bias_kv": True},
        {"add_zero_attn": True},
        {"add_bias_kv": True, "add_zero_attn": True, "kdim": 7, "vdim": 9},
        {"dropout": 0.4},
    ],
    ids=str,
)
def test_every_argument_of_the_constructor_means_torchs(setting, need_weights):
    sizes = {name: setting[name] for name in ("kdim", "vdim") if name in setting}
    call = {"key_padding_mask": PADDING, "attn_mask": LATER, "need_weights": need_weights}
    ours, torchs = pair(**setting)
    for _ in range(2):
        assert_alike(ours, torchs, inputs(**sizes), **call)
        ours.eval(), torchs.eval()


@pytest.mark.parametrize("need_weights", [False, True])
def test_layouts_are_torchs(need_weights):
    ours, torchs = pair(batch_first=False)
    tensors = [t.detach().transpose(0, 1).requires_grad_() for t in inputs()]
    assert_alike(ours, torchs, tensors, key_padding_mask=PADDING, need_weights=need_weights)
    rows = [t.detach()[:, 1].requires_grad_() for t in tensors]
    for mask in (LATER, OF_HEADS[:HEADS]):
        call = {"key_padding_mask": PADDING[1], "attn_mask": mask, "need_weights": need_weights}
        assert_alike(ours, torchs, rows, **call)


@pytest.mark.parametrize("need_weights", [False, True])
def test_self_attention_and_the_causal_hint(need_weights):
    ours, torchs = pair()
    x = inputs()[1].detach().requires_grad_()
    square = torch.ones(S, S, dtype=torch.bool).triu(1)
    for padding in (None, PADDING):
        results = []
        for layer in (ours, torchs):
            call = {"key_padding_mask": padding, "need_weights": need_weights}
            output, _ = layer(x, x, x, attn_mask=square, is_causal=True, **call)
            results.append((output, torch.autograd.grad(output.sin().sum(), x)[0]))
        for actual, truth in zip(*results, strict=True):
            assert_same(actual, truth)


def test_inside_a_transformer_layer_it_gives_torchs_numbers():
    layer = nn.TransformerEncoderLayer(E, HEADS, 16, 0.0, batch_first=True, dtype=torch.float64)
    x = torch.randn(B, S, E, dtype=torch.float64)
    expected = layer(x, src_key_padding_mask=PADDING)
    ours = MultiheadAttention(E, HEADS, batch_first=True, dtype=torch.float64)
    ours.load_state_dict(layer.self_attn.state_dict())
    layer.self_attn = ours
    assert_same(layer(x, src_key_padding_mask=PADDING), expected)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_nested_tensors_are_answered_as_torch_answers_them():
    ours, torchs = pair()
    nested = torch.nested.nested_tensor([x[:n] for x, n in zip(inputs()[1], (2, 5), strict=False)])
    for layer in (ours, torchs):
        with pytest.raises(AssertionError, match="NestedTensor outside of its fast path"):
            layer(nested, nested, nested)
    with torch.inference_mode():
        found, expected = (
            layer.eval()(nested, nested, nested, need_weights=False)[0] for layer in (ours, torchs)
        )
    assert_same(found.to_padded_tensor(0.0), expected.to_padded_tensor(0.0))


@pytest.mark.parametrize("setting", [{"add_bias_kv": True}, {"add_zero_attn": True}], ids=str)
def test_the_causal_hint_does_not_hide_keys_that_are_added(setting):
    ours, torchs = pair(**setting)
    square = torch.ones(S, S, dtype=torch.bool).triu(1)
    x = inputs()[1]
    call = {"attn_mask": square, "is_causal": True}
    alone, _ = ours(x, x, x, need_weights=False, **call)
    assert_same(alone, torchs(x, x, x, **call)[0])
    assert_same(alone, ours(x, x, x, **call)[0])
    assert not torch.allclose(alone, torchs(x, x, x, need_weights=False, **call)[0])


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("kind", [lambda mask: mask, added], ids=["bool", "float"])
def test_a_fully_masked_row_is_zero_where_torchs_is_nan_or_its_bias(kind, need_weights):
    ours, _ = pair()
    tensors, mask = inputs(), PADDING.clone()
    mask[1] = True
    output, weights = ours(*tensors, key_padding_mask=kind(mask), need_weights=need_weights)
    assert not output[1].any()
    assert output[0].all()
    assert weights is None or not weights[1].any()
    output.sum().backward()
    assert all(t.grad.isfinite().all() for t in tensors)


def test_it_can_be_differentiated_twice_and_compiles_whole():
    ours, _ = pair()
    tensors = inputs()

    def output(*given):
        return ours(*given, key_padding_mask=PADDING, need_weights=False)[0]

    assert torch.autograd.gradgradcheck(output, tensors, fast_mode=True)
    compiled = torch.compile(ours, backend="eager", fullgraph=True)
    call = {"key_padding_mask": PADDING, "attn_mask": LATER, "need_weights": False}
    assert_same(compiled(*tensors, **call)[0], ours(*tensors, **call)[0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((E, 5), "num_heads must divide the width 12, got 5"),
        ((E, 0), "num_heads must be an int > 0, got 0"),
        ((0, 1), "embed_dim must be an int > 0, got 0"),
        ((E, HEADS, 1.5), r"dropout must be a probability in \[0, 1\], got 1.5"),
        ((E, HEADS, "a"), r"dropout must be a probability in \[0, 1\], got 'a'"),
        ((E, HEADS, 0.0, True, False, False, 0), "kdim must be an int > 0, got 0"),
        ((E, HEADS, 0.0, True, False, False, None, -1), "vdim must be an int > 0, got -1"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(arguments, words):
    with pytest.raises(OptionError, match=words):
        MultiheadAttention(*arguments)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"key_padding_mask": PADDING[:, 1:]}, r"must have shape \(3, 5\), got \(3, 4\)"),
        ({"key_padding_mask": PADDING.long()}, r"bool \(True = ignore\) or floating point, got"),
        ({"attn_mask": LATER[1:]}, r"attn_mask must have shape \(4, 5\), got \(3, 5\)"),
        ({"attn_mask": OF_HEADS[1:]}, r"shape \(12, 4, 5\), got \(11, 4, 5\)"),
        ({"attn_mask": LATER[0]}, r"shape \(4, 5\), got \(5,\)"),
        ({"attn_mask": [[True]]}, "attn_mask must be a tensor or None, got list"),
        ({"key_padding_mask": 1}, "key_padding_mask must be a tensor or None, got int"),
        ({"attn_mask": LATER.int()}, "attn_mask must be bool .* got torch.int32"),
        ({"is_causal": True}, "is_causal is a hint about attn_mask, which must be given as well"),
        (
            {"key": torch.ones(B, S, 3)},
            r"key must have 12 features \(kdim\), got shape \(3, 5, 3\)",
        ),
        ({"value": torch.ones(B, 2, E)}, "key and value must have the same steps and batch"),
        ({"query": torch.ones(1, L, E)}, "one batch size"),
        ({"query": torch.ones(L, E)}, "all three alike"),
    ],
)
def test_bad_calls_are_refused_in_a_sentence(call, words):
    tensors = dict(zip(("query", "key", "value"), inputs(), strict=True))
    with pytest.raises(OptionError, match=words) as caught:
        pair()[0](**{**tensors, **call})
    assert "\n" not in str(caught.value)
