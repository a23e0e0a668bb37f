"""Sparse attention, as somebody who installed the plugin meets it."""

import pickle
import subprocess
import sys

import pytest
import torch
from rnnswap_entmax._attention import masked_entmax
from torch.nn.utils.rnn import pack_sequence

import rnnswap
from rnnswap.testing import check_attention, check_drop_in

NAMES = ["sparsemax", "entmax"]
ALPHAS = [1.3, 1.5, 2.0, 3.0]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def by_bisection(scores, alpha):
    """The definition: p = [(alpha - 1) z - tau]_+ ^ (1 / (alpha - 1)), tau so that p sums to 1."""
    z = (alpha - 1) * scores.double()
    low, high = z.max(-1, keepdim=True).values - 1, z.max(-1, keepdim=True).values
    for _ in range(100):
        tau = (low + high) / 2
        total = (z - tau).clamp(min=0).pow(1 / (alpha - 1)).sum(-1, keepdim=True)
        low, high = torch.where(total > 1, tau, low), torch.where(total > 1, high, tau)
    return (z - tau).clamp(min=0).pow(1 / (alpha - 1))


def test_both_are_registered_by_this_distribution():
    from rnnswap.discovery import installed

    for name in NAMES:
        assert installed().attentions.get(name).provider.distribution == "rnnswap-entmax"


def test_the_plugin_module_imports_no_torch():
    code = "import sys, rnnswap_entmax.plugin; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("alpha", ALPHAS)
def test_weights_are_the_definition_and_some_are_zero(alpha):
    scores = 3 * torch.randn(4, 6, 9, dtype=torch.float64)
    weights = masked_entmax(scores, None, alpha)
    torch.testing.assert_close(weights, by_bisection(scores, alpha), rtol=1e-6, atol=1e-8)
    assert bool((weights == 0).any())


@pytest.mark.parametrize("alpha", ALPHAS)
def test_what_is_masked_counts_for_nothing(alpha):
    scores = 3 * torch.randn(2, 5, 8, dtype=torch.float64)
    allowed = torch.rand(2, 5, 8) > 0.4
    allowed[0, 0] = False
    allowed[0, 1] = torch.arange(8) == 3
    weights = masked_entmax(scores, allowed, alpha)
    assert not weights[~allowed].any()
    assert not weights[0, 0].any()
    for row in zip(scores.flatten(0, 1), allowed.flatten(0, 1), weights.flatten(0, 1), strict=True):
        own, kept, found = row
        if kept.any():
            torch.testing.assert_close(found[kept], masked_entmax(own[kept][None], None, alpha)[0])
    wild = torch.where(allowed, scores, 1e30)
    assert torch.equal(masked_entmax(wild, allowed, alpha), weights)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_a_score_that_is_not_finite_spoils_its_own_row_only(alpha):
    scores = torch.randn(3, 4)
    scores[0, 1], scores[1, 2] = float("nan"), float("inf")
    weights = masked_entmax(scores, None, alpha)
    assert bool(weights[:2].isnan().all())
    torch.testing.assert_close(weights[2:], masked_entmax(scores[2:], None, alpha))


@pytest.mark.parametrize("alpha", [1.5, 2.0])
def test_gradients_are_those_of_finite_differences(alpha):
    scores = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    allowed = torch.tensor([True, True, False, True, True])
    torch.autograd.gradcheck(lambda s: masked_entmax(s, allowed, alpha), (scores,))


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_of_mechanisms_is_kept(name):
    report = check_attention(rnnswap.get_attention(name), level="full")
    assert report.passed, str(report)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("score", ["dot", "general"])
def test_the_mechanism_keeps_the_contract(name, dtype, score):
    attention = rnnswap.get_attention(name)(4, 4, score=score, dtype=dtype)
    query, key, value = (torch.randn(2, 5, n, dtype=dtype) for n in (4, 4, 6))
    context, weights = attention(query, key, value, causal=True)
    assert (context.dtype, context.shape) == (dtype, (2, 5, 6))
    assert not weights.triu(1).any()
    assert bool((weights >= 0).all())
    rounding = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(
        weights.sum(-1), torch.ones(2, 5, dtype=dtype), rtol=0, atol=rounding
    )
    mask = torch.tensor([[True, False, True, True, False], [False] * 5]).unsqueeze(1)
    context, weights = attention(query, key, value, mask)
    assert not context[1].any()
    assert not weights[0, :, [1, 4]].any()
    alone, none = attention(query[0], key[0], value[0], mask[0], need_weights=False)
    assert none is None
    torch.testing.assert_close(alone, context[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_with_it_stands_where_nn_lstm_stands_but_sees_one_call_at_a_time(name):
    attentive = rnnswap.with_attention(rnnswap.JANET, name)
    failed = {result.name for result in check_drop_in(attentive).failures}
    # What every attention over steps changes: what was attended to is not carried over, and the
    # derivative of a weight that becomes zero is no finite difference.
    usual = {r.name for r in check_drop_in(rnnswap.with_attention(rnnswap.JANET, "soft")).failures}
    assert failed - usual <= {"gradgradcheck", "jvp", "func-grad"}
    output, _ = attentive(3, 4)(pack_sequence([torch.randn(5, 3), torch.randn(2, 3)]))
    assert output.data.shape == (7, 4)
    assert pickle.loads(pickle.dumps(attentive)) is attentive


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"alpha": 1.0}, "alpha must be a number above 1, got 1.0"),
        ({"alpha": "2"}, "alpha must be a number above 1, got '2'"),
        ({"score": "additive"}, "score must be dot or general, got 'additive'"),
        ({"score": "dot", "key_size": 5}, "needs queries as wide as keys, got 4 and 5"),
    ],
    ids=str,
)
def test_bad_options_are_refused(options, reason):
    sizes = {"query_size": 4, "key_size": 4, **options}
    with pytest.raises(rnnswap.OptionError, match=reason):
        rnnswap.get_attention("entmax")(**sizes)
    with pytest.raises(rnnswap.OptionError, match="sparsemax has no alpha"):
        rnnswap.get_attention("sparsemax")(4, 4, alpha=1.5)
