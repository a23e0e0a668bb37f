"""Soft attention against its equations, written out pair by pair."""

import pytest
import torch
from tolerances import assert_same

from rnnswap import OptionError
from rnnswap.attention import SoftAttention

B, TQ, TK, Q, K, V = 2, 3, 4, 5, 6, 7


def inputs(query_size=Q, key_size=K):
    sizes = ((TQ, query_size), (TK, key_size), (TK, V))
    return [torch.randn(B, *size, dtype=torch.float64, requires_grad=True) for size in sizes]


def score(module, q, k):
    if module.score == "dot":
        return q @ k
    if module.score == "general":
        return q @ (module.key_projection.weight @ k)
    hidden = module.query_projection.weight @ q + module.key_projection.weight @ k
    return module.energy.weight[0] @ torch.tanh(hidden)


@pytest.mark.parametrize("name", ["dot", "general", "additive"])
def test_is_the_equation(name):
    sizes = (K, K) if name == "dot" else (Q, K)
    module = SoftAttention(*sizes, score=name, dtype=torch.float64)
    query, key, value = inputs(*sizes)
    context, weights = module(query, key, value)
    for b in range(B):
        for i in range(TQ):
            scores = torch.stack([score(module, query[b, i], key[b, j]) for j in range(TK)])
            expected = scores.exp() / scores.exp().sum()
            assert_same(weights[b, i], expected)
            assert_same(context[b, i], sum(expected[j] * value[b, j] for j in range(TK)))


@pytest.mark.parametrize("name", ["general", "additive"])
def test_gradcheck(name):
    module = SoftAttention(Q, K, score=name, dtype=torch.float64)
    mask = torch.tensor([[True, False, True, True], [False] * 4]).unsqueeze(1)
    assert torch.autograd.gradcheck(lambda *a: module(*a, mask), inputs())


def test_masked_keys_get_nothing_and_the_rest_sums_to_one():
    mask = torch.tensor([True, False, True, False])
    _, weights = SoftAttention(Q, K, dtype=torch.float64)(*inputs(), mask)
    assert (weights[..., ~mask] == 0).all()
    assert (weights >= 0).all()
    assert_same(weights.sum(-1), torch.ones(B, TQ, dtype=torch.float64))


def test_a_fully_masked_row_gives_zeros_and_finite_gradients():
    query, key, value = inputs()
    mask = torch.ones(B, TQ, TK, dtype=torch.bool)
    mask[0, 1] = False
    context, weights = SoftAttention(Q, K, dtype=torch.float64)(query, key, value, mask)
    assert torch.equal(context[0, 1], torch.zeros_like(context[0, 1]))
    assert torch.equal(weights[0, 1], torch.zeros_like(weights[0, 1]))
    context.sum().backward()
    assert all(t.grad.isfinite().all() for t in (query, key, value))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"score": "cosine"}, "dot, general or additive, got 'cosine'"),
        ({"score": "dot"}, "as wide as keys, got 5 and 6"),
    ],
    ids=str,
)
def test_bad_options_are_refused(arguments, words):
    with pytest.raises(OptionError, match=words):
        SoftAttention(Q, K, **arguments)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (torch.ones(TQ, TK), "must be bool"),
        (torch.ones(B, TQ, TK + 1, dtype=torch.bool), r"shape \(2, 3, 5\) does not fit"),
    ],
    ids=["float", "shape"],
)
def test_bad_masks_are_refused(mask, words):
    with pytest.raises(OptionError, match=words):
        SoftAttention(Q, K, dtype=torch.float64)(*inputs(), mask)
