"""Feature attention against its equations; self-attention against multihead."""

import pytest
import torch
from tolerances import assert_same
from torch import nn

from rnnswap import OptionError
from rnnswap.attention import FeatureAttention, MultiHead, SelfAttention, feature_attention

B, T, Q, F = 2, 5, 6, 3


def make(*arguments, **settings):
    return FeatureAttention(*arguments, dtype=torch.float64, **settings)


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def test_weights_are_a_softmax_over_features_of_a_linear_score():
    module, query, value = make(Q, F), randn(B, T, Q), randn(B, T, F)
    context, weights = module(query, value)
    linear = module.query_projection
    for b in range(B):
        for t in range(T):
            scores = (linear.weight @ query[b, t] + linear.bias).exp()
            assert_same(weights[b, t], scores / scores.sum())
    assert torch.equal(context, weights * value)


@pytest.mark.parametrize("batch_first", [True, False])
def test_with_a_series_it_is_the_input_attention_of_da_rnn(batch_first):
    module = make(Q, F, series=T, batch_first=batch_first)
    state, series = randn(B, 1, Q), randn(B, T, F)
    given = (state, series, series[:, 2:3])
    laid = given if batch_first else [t.transpose(0, 1) for t in given]
    context, weights = module(*laid)
    v, W, U = (m.weight for m in (module.energy, module.query_projection, module.series_projection))
    for b in range(B):
        energies = torch.stack(
            [v[0] @ torch.tanh(W @ state[b, 0] + U @ series[b, :, k]) for k in range(F)]
        )
        share = energies.exp() / energies.exp().sum()
        assert_same(weights[b, 0], share)
        found = context[b, 0] if batch_first else context[0, b]
        assert_same(found, share * series[b, 2])


def test_gradients_through_a_series():
    module = make(Q, F, series=T)
    tensors = (randn(B, 2, Q), randn(B, T, F), randn(B, 2, F))
    mask = torch.tensor([[True, False, True], [False] * 3]).unsqueeze(1)
    assert torch.autograd.gradcheck(lambda *a: module(*a, mask), tensors, fast_mode=True)
    context, weights = module(*tensors, mask)
    assert not context[1].any()
    assert not weights[1].any()


def test_it_serves_images_and_nodes_of_a_graph():
    images = torch.randn(2, 3, 8, 8)
    features = nn.Conv2d(3, 6, 3)(images).movedim(1, -1)
    context, weights = FeatureAttention(6)(features)
    assert context.shape == (2, 6, 6, 6)
    assert_same(weights.sum(-1), torch.ones(2, 6, 6))
    nodes, edges = torch.randn(7, 6), torch.eye(7)
    mask = torch.tensor([True, True, False, True, True, False])
    context, weights = FeatureAttention(6)(edges @ nodes, mask=mask)
    assert context.shape == (7, 6)
    assert not weights[:, ~mask].any()
    single, _ = FeatureAttention(6)(torch.randn(6))
    assert single.shape == (6,)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ((randn(B, T, Q + 1), randn(B, T, F)), r"query must have 6 features \(query_size\)"),
        ((randn(B, T, Q), randn(B, T, F + 1)), r"key must have 3 features \(key_size\)"),
        ((randn(B, T, Q), randn(B, T + 1, F)), "same axes but for features"),
        ((randn(B, T, Q), randn(B, T, F), 3), "value must be a tensor, got int"),
        ((torch.tensor(1.0),), r"query must have 6 features \(query_size\), got shape \(\)"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(tensors, words):
    with pytest.raises(OptionError, match=words):
        make(Q, F)(*tensors)


@pytest.mark.parametrize(
    ("tensors", "call", "words"),
    [
        ((randn(B, 1, Q), randn(B, T + 1, F), randn(B, 1, F)), {}, r"5 steps \(series\), got 6"),
        ((randn(B, 1, Q), randn(B, T - 1, F), randn(B, 1, F)), {}, r"5 steps \(series\), got 4"),
        ((randn(B, 2, Q), randn(B, T, F), randn(B, 1, F)), {}, "query and value .* as many steps"),
        ((randn(B, 1, Q), randn(1, T, F), randn(B, 1, F)), {}, "one batch size"),
        (
            (randn(B, 1, Q), randn(B, T, F), randn(B, 1, F)),
            {"causal": True},
            "reads later steps too and cannot be causal",
        ),
    ],
)
def test_series_that_do_not_fit_are_refused(tensors, call, words):
    with pytest.raises(OptionError, match=words):
        make(Q, F, series=T)(*tensors, **call)


def test_bad_options_and_half_a_series_are_refused():
    with pytest.raises(OptionError, match="series must be an int > 0, got 0"):
        FeatureAttention(Q, F, series=0)
    x = randn(B, T, F)
    with pytest.raises(OptionError, match="takes series_weight and energy_weight, got one"):
        feature_attention(x, x, x, query_weight=randn(F, F), energy_weight=randn(1, F))


def test_self_attention_is_multihead_of_one_sequence():
    own, other = SelfAttention(12, heads=3), MultiHead(12, 12, heads=3)
    nn.init.normal_(own.in_proj_bias)
    other.load_state_dict(own.state_dict())
    x = torch.randn(B, T, 12)
    mask = torch.rand(B, T, T) > 0.3
    for call in ({}, {"mask": mask}, {"causal": True, "need_weights": False}):
        # Copies, so that multihead projects each by itself.
        expected, expected_weights = other(x, x.clone(), x.clone(), **call)
        for given in ((x,), (x, x, x)):
            output, weights = own(*given, **call)
            assert_same(output, expected)
            assert weights is None or assert_same(weights, expected_weights) is None


def test_self_attention_refuses_a_second_sequence():
    own, x = SelfAttention(12), torch.randn(B, T, 12)
    with pytest.raises(OptionError, match="key must be the query itself or None; multihead"):
        own(x, x.clone())
    with pytest.raises(OptionError, match="value must be the query itself or None"):
        own(x, x, x.clone())
    with pytest.raises(OptionError, match="key_size must be query_size, got 12 and 6"):
        SelfAttention(12, 6)
    with pytest.raises(OptionError, match="heads must divide the width 12, got 5"):
        SelfAttention(12, heads=5)
