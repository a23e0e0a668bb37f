"""Soft attention against its equations, written out pair by pair."""

import pytest
import torch
from tolerances import assert_same

from rnnswap import OptionError
from rnnswap.attention import SoftAttention, soft_attention

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


MASKS = {
    "none": None,
    "padding": torch.tensor([[True, False, True, True], [False] * 4]).unsqueeze(1),
    "full": torch.rand(B, TQ, TK, generator=torch.Generator().manual_seed(1)) > 0.4,
    "keys": torch.tensor([True, False, True, True]),
}


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("name", ["dot", "general", "additive"])
def test_without_weights_context_and_gradients_are_the_same(name, mask, causal):
    sizes = (K, K) if name == "dot" else (Q, K)
    module = SoftAttention(*sizes, score=name, dtype=torch.float64)
    tensors = inputs(*sizes)
    expected, weights = module(*tensors, mask, causal=causal)
    context, nothing = module(*tensors, mask, causal=causal, need_weights=False)
    assert nothing is None
    assert_same(context, expected)
    if causal:
        assert (weights.triu(1) == 0).all()
    grads = (torch.autograd.grad(c.sin().sum(), tensors) for c in (context, expected))
    for actual, truth in zip(*grads, strict=True):
        assert_same(actual, truth)


def test_without_weights_it_can_be_differentiated_twice():
    module = SoftAttention(Q, K, dtype=torch.float64)

    def context(*tensors):
        return module(*tensors, MASKS["padding"], need_weights=False)[0]

    assert torch.autograd.gradcheck(context, inputs(), fast_mode=True)
    assert torch.autograd.gradgradcheck(context, inputs(), fast_mode=True)


def test_without_weights_nothing_quadratic_is_held():
    # What the backward keeps, through autograd's own hooks: (T, T) never is among it.
    module, x = SoftAttention(4, 4), torch.randn(1, 300, 4, requires_grad=True)
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: sizes.append(t.numel()) or t, lambda t: t
    ):
        module(x, x, x, causal=True, need_weights=False)
        assert max(sizes) <= 1200
        module(x, x, x, causal=True)
    assert max(sizes) == 300 * 300


def test_layouts_agree():
    query, key, value = inputs()
    module = SoftAttention(Q, K, dtype=torch.float64)
    steps_first = SoftAttention(Q, K, batch_first=False, dtype=torch.float64)
    steps_first.load_state_dict(module.state_dict())
    context, weights = module(query, key, value)
    turned, same = steps_first(*(t.transpose(0, 1) for t in (query, key, value)))
    assert_same(turned.transpose(0, 1), context)
    assert_same(same, weights)
    for layer in (module, steps_first):
        row, row_weights = layer(query[1], key[1], value[1])
        assert_same(row, context[1])
        assert_same(row_weights, weights[1])


@pytest.mark.parametrize("name", ["dot", "general", "additive"])
def test_function_with_the_modules_parameters_is_the_module(name):
    module = SoftAttention(K, K, score=name, dtype=torch.float64)
    tensors = inputs(K, K)
    context, weights = soft_attention(*tensors, MASKS["full"], **module.score_weights())
    expected, expected_weights = module(*tensors, MASKS["full"])
    assert torch.equal(context, expected)
    assert torch.equal(weights, expected_weights)


@pytest.mark.parametrize("need_weights", [False, True])
def test_compiles_and_exports_whole(need_weights):
    module = SoftAttention(Q, K).eval()
    tensors = [t.detach().float() for t in inputs()]
    expected = module(*tensors, need_weights=need_weights)[0]
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    assert_same(compiled(*tensors, need_weights=need_weights)[0], expected)
    steps = {1: torch.export.Dim("steps", min=2)}
    exported = torch.export.export(
        module,
        tuple(tensors),
        {"need_weights": need_weights},
        dynamic_shapes={
            "query": None,
            "key": steps,
            "value": steps,
            "need_weights": None,
        },
    ).module()
    longer = [tensors[0], *(torch.cat((t, t), 1) for t in tensors[1:])]
    found = exported(*longer, need_weights=need_weights)[0]
    assert_same(found, module(*longer, need_weights=need_weights)[0])


@pytest.mark.parametrize("need_weights", [False, True])
def test_autocast_gives_bfloat16_as_near_as_its_precision(need_weights):
    module, tensors = SoftAttention(Q, K), [t.detach().float() for t in inputs()]
    expected = module(*tensors)[0]
    with torch.autocast("cpu", torch.bfloat16):
        context = module(*tensors, need_weights=need_weights)[0]
    assert context.dtype == torch.bfloat16
    assert_same(context, expected.bfloat16(), eps=4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda q, k, v: (q[..., 1:], k, v), r"query must have 5 features .* \(2, 3, 4\)"),
        (lambda q, k, v: (q, k[..., 1:], v), r"key must have 6 features .* \(2, 4, 5\)"),
        (lambda q, k, v: (q, k, v[:, 1:]), r"as many steps, got \(2, 4, 6\) and \(2, 3, 7\)"),
        (lambda q, k, v: (q[:1], k, v), "one batch size"),
        (lambda q, k, v: (q[0], k, v), "all three alike"),
        (lambda q, k, v: (q, k, None), "value must be a tensor, got NoneType"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(change, words):
    with pytest.raises(OptionError, match=words):
        SoftAttention(Q, K, dtype=torch.float64)(*change(*inputs()))


def test_a_strangers_mechanism_learns_which_keys_are_allowed():
    attention = SoftAttention(4, 4)
    query, key = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    assert attention.allowed(query, key, None, False) is None
    mask = torch.tensor([True, False, True])
    assert torch.equal(
        attention.allowed(query, key, mask, True), torch.ones(3, 3).tril() * mask > 0
    )
    with pytest.raises(OptionError, match="mask must be bool"):
        attention.allowed(query, key, torch.ones(3), False)
