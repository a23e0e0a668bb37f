"""Hard attention: exact zeros, and gradient through what stays."""

import pytest
import torch
from tolerances import assert_same

from rnnswap import OptionError
from rnnswap.attention import HardAttention, SoftAttention, hard_attention

B, TQ, TK, Q, K, V = 2, 3, 5, 4, 6, 7


def inputs():
    sizes = ((TQ, Q), (TK, K), (TK, V))
    return [torch.randn(B, *size, dtype=torch.float64, requires_grad=True) for size in sizes]


def pair(**options):
    """A hard and a soft module with the same parameters."""
    hard = HardAttention(Q, K, dtype=torch.float64, **options)
    soft = SoftAttention(Q, K, dtype=torch.float64)
    soft.load_state_dict(hard.state_dict())
    return hard, soft


CONDITIONS = [{"k": 2}, {"threshold": 0.2}, {"k": 3, "threshold": 0.1}, {"k": 1}, {"k": TK}]


@pytest.mark.parametrize("renormalise", [False, True])
@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_is_the_soft_weights_less_those_that_fail(condition, renormalise):
    hard, soft = pair(**condition, renormalise=renormalise)
    tensors = inputs()
    context, weights = hard(*tensors)
    _, before = soft(*tensors)
    for row, old in zip(weights.reshape(-1, TK), before.reshape(-1, TK), strict=True):
        best = sorted(old.tolist(), reverse=True)[: condition.get("k", TK)]
        limit = max(best[-1], condition.get("threshold", 0.0))
        kept = torch.where(old >= limit, old, 0.0)
        total = kept.sum() if renormalise and kept.any() else 1.0
        assert torch.equal(row == 0, old < limit)
        assert_same(row, kept / total)
    assert_same(context, weights @ tensors[2])


@pytest.mark.parametrize("renormalise", [False, True])
def test_gradient_flows_through_what_stays(renormalise):
    hard, _ = pair(k=2, renormalise=renormalise)
    mask = torch.tensor([[True, False, True, True, True], [False] * TK]).unsqueeze(1)
    assert torch.autograd.gradcheck(lambda *a: hard(*a, mask), inputs(), fast_mode=True)
    query, key, value = inputs()
    context, weights = hard(query, key, value)
    context[0, 0].sum().backward()
    assert torch.equal(value.grad[0].abs().sum(-1) > 0, weights[0, 0] > 0)
    assert (query.grad[0, 0] != 0).all()


def test_masked_keys_are_never_among_the_kept():
    hard, _ = pair(k=4)
    mask = torch.tensor([True, False, True, False, True])
    _, weights = hard(*inputs(), mask)
    assert (weights[..., ~mask] == 0).all()
    assert_same(weights.sum(-1), torch.ones(B, TQ, dtype=torch.float64))
    for nothing in (hard(*inputs(), ~mask & mask), pair(threshold=1.0)[0](*inputs())):
        assert not any(t.any() for t in nothing)


def test_without_weights_and_as_a_function_it_is_the_same():
    hard, _ = pair(k=2, threshold=0.1)
    tensors = inputs()
    context, weights = hard(*tensors, causal=True)
    assert (weights.triu(1) == 0).all()
    alone, nothing = hard(*tensors, causal=True, need_weights=False)
    assert nothing is None
    assert torch.equal(alone, context)
    found = hard_attention(*tensors, k=2, threshold=0.1, causal=True, **hard.score_weights())
    assert all(torch.equal(a, b) for a, b in zip(found, (context, weights), strict=True))


def test_compiles_and_exports_whole_at_any_number_of_keys():
    module = HardAttention(Q, K, k=2)
    tensors = [t.detach().float() for t in inputs()]
    expected = module(*tensors)
    compiled = torch.compile(module, backend="eager", fullgraph=True)(*tensors)
    steps = {1: torch.export.Dim("steps", min=2)}
    shapes = {"query": None, "key": steps, "value": steps}
    exported = torch.export.export(module, tuple(tensors), dynamic_shapes=shapes).module()
    for found in (compiled, exported(*tensors)):
        assert all(map(torch.equal, found, expected))
    longer = [tensors[0], *(torch.cat((t, t.flip(1) + 1), 1) for t in tensors[1:])]
    assert all(map(torch.equal, exported(*longer), module(*longer)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 0}, "k must be an int > 0, got 0"),
        ({"k": 2.0}, "k must be an int > 0, got 2.0"),
        ({"threshold": 1.5}, r"threshold must be a number in \[0, 1\], got 1.5"),
        ({"threshold": float("nan")}, "got nan"),
        ({"threshold": "a"}, "got 'a'"),
        ({"renormalise": 1}, "renormalise must be True or False, got 1"),
        ({"score": "cosine"}, "dot, general or additive"),
    ],
    ids=str,
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(OptionError, match=words):
        HardAttention(Q, K, **options)


def test_a_k_larger_than_the_keys_and_no_condition_are_refused():
    with pytest.raises(OptionError, match="at most the number of keys, 5, got 6"):
        HardAttention(Q, K, k=6, dtype=torch.float64)(*inputs())
    with pytest.raises(OptionError, match="needs a condition: give k, threshold or both"):
        hard_attention(*inputs(), key_weight=torch.ones(Q, K, dtype=torch.float64))
