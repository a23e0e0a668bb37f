"""Multi-head attention against nn.MultiheadAttention with the same state dict."""

import pytest
import torch
from tolerances import assert_same
from torch import nn

from rnnswap import OptionError
from rnnswap.attention import MultiHead, multihead_attention

B, TQ, TK, E, K = 2, 3, 5, 12, 7


def pair(key_size=E, heads=4, **settings):
    """Ours and torch's with one state dict, biases that are not zero, in float64."""
    ours = MultiHead(E, key_size, heads=heads, dtype=torch.float64, **settings)
    torchs = nn.MultiheadAttention(
        E,
        heads,
        kdim=key_size,
        vdim=key_size,
        batch_first=True,
        bias=settings.get("bias", True),
        dtype=torch.float64,
    )
    for name, parameter in torchs.named_parameters():
        if "bias" in name:
            nn.init.normal_(parameter)
    ours.load_state_dict(torchs.state_dict())
    return ours, torchs


def inputs(key_size=E):
    sizes = ((TQ, E), (TK, key_size), (TK, key_size))
    return [torch.randn(B, *size, dtype=torch.float64, requires_grad=True) for size in sizes]


MASK = torch.tensor([[True, False, True, True, True], [True] * 4 + [False]])


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("setting", [{}, {"key_size": K}, {"heads": 1}, {"bias": False}], ids=str)
def test_is_nn_multihead_attention(setting, masked, need_weights):
    ours, torchs = pair(**setting)
    tensors = inputs(setting.get("key_size", E))
    mask, ignore = (MASK.unsqueeze(1), ~MASK) if masked else (None, None)
    output, weights = ours(*tensors, mask, need_weights=need_weights)
    expected, expected_weights = torchs(
        *tensors, key_padding_mask=ignore, need_weights=need_weights
    )
    assert_same(output, expected)
    assert (weights is None) == (expected_weights is None)
    if need_weights:
        assert_same(weights, expected_weights)
    grads = [torch.autograd.grad(o.sin().sum(), tensors) for o in (output, expected)]
    for actual, truth in zip(*grads, strict=True):
        assert_same(actual, truth)


@pytest.mark.parametrize("need_weights", [False, True])
def test_causal_is_torchs_square_mask(need_weights):
    ours, torchs = pair()
    x = inputs()[1]
    later = torch.ones(TK, TK, dtype=torch.bool).triu(1)
    expected, _ = torchs(x, x, x, attn_mask=later)
    assert_same(ours(x, x, x, causal=True, need_weights=need_weights)[0], expected)
    assert_same(ours(x, x, x, ~later, need_weights=need_weights)[0], expected)


@pytest.mark.parametrize("need_weights", [False, True])
def test_a_fully_masked_row_gives_zeros_and_finite_gradients(need_weights):
    ours, _ = pair()
    tensors = inputs()
    mask = MASK.unsqueeze(1).repeat(1, TQ, 1)
    mask[0, 1] = False
    output, weights = ours(*tensors, mask, need_weights=need_weights)
    assert not output[0, 1].any()
    assert output[0, 0].all()
    assert weights is None or not weights[0, 1].any()
    output.sum().backward()
    assert all(t.grad.isfinite().all() for t in tensors)


@pytest.mark.parametrize("need_weights", [False, True])
def test_gradcheck(need_weights):
    ours, _ = pair(K)

    def output(*tensors):
        return ours(*tensors, MASK.unsqueeze(1), need_weights=need_weights)[0]

    assert torch.autograd.gradcheck(output, inputs(K), fast_mode=True)
    assert torch.autograd.gradgradcheck(output, inputs(K), fast_mode=True)


def test_weights_of_each_head_and_masks_of_each_head():
    ours, _ = pair()
    query, key, value = inputs()
    mask = torch.rand(B, 4, TQ, TK) > 0.3
    given = {
        "heads": 4,
        "in_weights": ours.in_weights(),
        "in_bias": ours.in_proj_bias,
        "out_weight": ours.out_proj.weight,
        "out_bias": ours.out_proj.bias,
    }
    output, weights = multihead_attention(query, key, value, mask, average_weights=False, **given)
    assert weights.shape == (B, 4, TQ, TK)
    assert torch.equal(weights == 0, ~mask)
    again, mean = multihead_attention(query, key, value, mask, **given)
    assert torch.equal(again, output)
    assert_same(mean, weights.mean(1))


def test_layouts_agree_and_it_compiles_whole():
    ours, _ = pair()
    tensors = inputs()
    output, _ = ours(*tensors)
    steps_first, _ = pair(batch_first=False)
    steps_first.load_state_dict(ours.state_dict())
    assert_same(steps_first(*(t.transpose(0, 1) for t in tensors))[0].transpose(0, 1), output)
    assert_same(ours(*(t[0] for t in tensors))[0], output[0])
    compiled = torch.compile(ours, backend="eager", fullgraph=True)
    assert_same(compiled(*tensors, need_weights=False)[0], output)


def test_heads_that_are_not_given_divide_the_width():
    assert [MultiHead(n, n).heads for n in (64, 12, 6, 7)] == [8, 4, 2, 1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"heads": 5}, "heads must divide the width 12, got 5"),
        ({"heads": 0}, "heads must be an int > 0, got 0"),
        ({"value_size": 0}, "value_size must be an int > 0, got 0"),
        ({"bias": None}, "bias must be True or False, got None"),
    ],
    ids=str,
)
def test_bad_options_are_refused(arguments, words):
    with pytest.raises(OptionError, match=words):
        MultiHead(E, E, **arguments)


def test_tensors_and_masks_that_do_not_fit_are_refused():
    ours, _ = pair()
    query, key, value = inputs()
    with pytest.raises(OptionError, match=r"value must have 12 features \(value_size\), got shape"):
        ours(query, key, value[..., 1:])
    with pytest.raises(OptionError, match=r"mask of shape \(2, 3, 3, 5\) does not fit"):
        ours(query, key, value, torch.ones(B, 3, TQ, TK, dtype=torch.bool))
