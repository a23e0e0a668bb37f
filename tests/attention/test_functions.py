"""The functional forms: batched and unbatched alike; what does not fit is refused."""

import pytest
import torch
from tolerances import assert_same

from rnnswap import OptionError
from rnnswap.attention import (
    feature_attention,
    hard_attention,
    multihead_attention,
    self_attention,
    soft_attention,
)

B, T, E = 3, 4, 4


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


SQUARE, WIDE, COLUMN, VECTOR = randn(E, E), randn(3 * E, E), randn(1, E), randn(3 * E)
ADDITIVE = {"key_weight": SQUARE, "query_weight": randn(E, E), "energy_weight": COLUMN}
HEADS = {"heads": 2, "out_weight": SQUARE, "out_bias": VECTOR[:E], "in_bias": VECTOR}
SERIES = {"query_weight": SQUARE, "series_weight": randn(E, T), "energy_weight": COLUMN}


def of_itself(x, *rest, **named):
    return self_attention(x, *rest[2:], **named)


#: Each function with parameters, called with query, key, value and a mask; T = E.
FUNCTIONS = {
    "dot": (soft_attention, {}),
    "general": (soft_attention, {"key_weight": SQUARE}),
    "additive": (soft_attention, ADDITIVE),
    "hard": (hard_attention, {"k": 2, **ADDITIVE}),
    "multihead": (multihead_attention, {"in_weights": WIDE.chunk(3), **HEADS}),
    "self": (of_itself, {"in_weight": WIDE, **HEADS}),
    "feature": (feature_attention, {"query_weight": SQUARE, "bias": VECTOR[:E]}),
    "series": (feature_attention, SERIES),
}
over_steps = [name for name in FUNCTIONS if name not in ("feature", "series")]


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_unbatched_is_a_row_of_the_batch(name, need_weights):
    function, parameters = FUNCTIONS[name]
    query, key, value = randn(B, T, E), randn(B, T, E), randn(B, T, E)
    mask = torch.rand(B, T, T) > 0.3
    mask[1, 2] = False
    call = {"need_weights": need_weights, **parameters}
    context, weights = function(query, key, value, mask, **call)
    found, row_weights = function(query[1], key[1], value[1], mask[1], **call)
    assert_same(found, context[1])
    assert not found[2].any()
    assert (weights is None) == (row_weights is None) == (not need_weights)
    if weights is not None:
        assert_same(row_weights, weights[1])


@pytest.mark.parametrize("name", over_steps)
def test_unbatched_may_be_causal(name):
    function, parameters = FUNCTIONS[name]
    if "k" in parameters:
        parameters = {**parameters, "k": 1}
    x = randn(T, E)
    later = torch.cat((x[:-1], x[-1:] + 1))
    context, weights = function(x, x, x, None, causal=True, **parameters)
    assert not weights.triu(1).any()
    assert_same(
        function(later, later, later, None, causal=True, **parameters)[0][:-1], context[:-1]
    )


@pytest.mark.parametrize("name", [name for name in over_steps if name != "self"])
@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((B, T, E), (T, E), (T, E)), "all three alike"),
        (((1, B, T, E),) * 3, "3-D, or 2-D if unbatched"),
        (((1, T, E), (B, T, E), (B, T, E)), "one batch size"),
        (((B, T, E), (B, T, E), (B, T + 1, E)), "key and value must have as many steps"),
        (((T, E), (T, E), (T + 1, E)), "key and value must have as many steps"),
    ],
    ids=str,
)
def test_sequences_that_do_not_fit_are_refused(name, shapes, words):
    function, parameters = FUNCTIONS[name]
    with pytest.raises(OptionError, match=words):
        function(*(randn(*shape) for shape in shapes), **parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (torch.ones(B, T, T + 1, dtype=torch.bool), "does not fit"),
        (torch.ones(B, T, T), r"must be bool \(True = attend\), got torch.float32"),
        ("padding", "must be a bool tensor or None, got str"),
    ],
)
def test_masks_that_do_not_fit_are_refused(name, mask, words):
    function, parameters = FUNCTIONS[name]
    x = randn(B, T, E)
    with pytest.raises(OptionError, match=words):
        function(x, x, x, mask, **parameters)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: soft_attention("x", x, x), "query must be a tensor, got str"),
        (lambda x: soft_attention(x, x[..., 1:], x), "keys as wide as queries, .* got 4 and 3"),
        (lambda x: hard_attention(x, x, x, k=T + 1), "at most the number of keys, 4, got 5"),
        (lambda x: hard_attention(x[0], x[0], x[0], k=T + 1), "number of keys, 4, got 5"),
        (lambda x: hard_attention(x, x, x, threshold=1.5), r"in \[0, 1\], got 1.5"),
        (lambda x: self_attention(x[0, 0], in_weight=WIDE, **HEADS), r"if unbatched, got \(4,\)"),
        (lambda x: self_attention("x", in_weight=WIDE, **HEADS), "if unbatched, got str"),
        (
            lambda x: self_attention(x, in_weight=SQUARE, **HEADS),
            r"in_weight must have shape \(12, 4\), got \(4, 4\)",
        ),
        (
            lambda x: self_attention(x, in_weight=WIDE, **{**HEADS, "heads": 3}),
            "heads must divide the width 4, got 3",
        ),
        (
            lambda x: feature_attention(x, x, x[..., 1:], query_weight=SQUARE),
            r"value must have the scores' shape \(3, 4, 4\), got \(3, 4, 3\)",
        ),
        (
            lambda x: feature_attention(x, x[:, 1:], x, **SERIES),
            r"key must have 4 steps, those of series_weight, got shape \(3, 3, 4\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(call, words):
    with pytest.raises(OptionError, match=words) as caught:
        call(randn(B, T, E))
    assert "\n" not in str(caught.value)
