"""Checks of attention mechanisms: weights, masks, layouts."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnswap.spec import load_target
from rnnswap.testing._attention_subject import (
    AttentionSubject,
    B,
    E,
    T,
    attend,
    dark_mask,
    require_separate,
    sequence,
)
from rnnswap.testing._checks import ATTENTION, CheckSkippedError, check
from rnnswap.testing._compare import (
    is_one_sentence,
    raised,
    require,
    require_all_same,
    require_equal,
    require_same,
)

_NAMES = ("context", "weights")


def _require_shares(weights: Tensor, where: str, seen: Tensor | None = None) -> None:
    """Fail unless weights are >= 0 and sum to 1, or to 0 where `seen` (B, T) is False."""
    least = float(weights.min())
    require(least >= 0, f"expected weights >= 0 {where}, got {least:.2g}")
    total = torch.ones(weights.shape[:-1], dtype=weights.dtype) if seen is None else seen
    require_same(weights.sum(-1), total.to(weights.dtype), f"sum of the weights {where}")


@check(kind=ATTENTION)
def plain_attention(subject: AttentionSubject) -> None:
    """Two sizes are enough to construct it; it gives (context, weights) of one value's width."""
    x = sequence(torch.float32)
    context, weights = attend(subject.cls(E, E, **subject.options), x)
    require_equal(tuple(context.shape), (B, T, E), "context of shape")
    require_equal(tuple(weights.shape), (B, T, T), "weights of shape")


@check(kind=ATTENTION)
def weights_are_shares(subject: AttentionSubject) -> None:
    """Weights are >= 0 and sum to 1, for large scores too."""
    module = subject.build()
    for scale in (1.0, 100.0):
        context, weights = attend(module, scale * sequence())
        require(bool(context.isfinite().all()), f"expected a finite context for input x {scale}")
        _require_shares(weights, f"for input x {scale:g}")


@check(kind=ATTENTION)
def mask_says_true_for_attend(subject: AttentionSubject) -> None:
    """The only key that a mask lets through has weight 1, the others exactly 0."""
    only = torch.eye(T, dtype=torch.bool).roll(1, -1)
    weights = attend(subject.build(), sequence(), mask=only)[1]
    expected = only.to(weights.dtype).expand(B, T, T)
    require_same(weights, expected, "weights of masks with one True a row")
    require(not weights[~only.expand(B, T, T)].any(), "expected weights of exactly 0 where masked")


@check(kind=ATTENTION)
def masked_rows(subject: AttentionSubject) -> None:
    """Without any key context and weights are zero, never NaN, and gradients are finite."""
    module, mask = subject.build(), dark_mask()
    for need_weights in (True, False):
        x = sequence().requires_grad_()
        context, weights = attend(module, x, mask=mask, need_weights=need_weights)
        where = f"of a query without keys, need_weights={need_weights}"
        require(not context[1, 2].any(), f"expected zeros as context {where}")
        if need_weights:
            _require_shares(weights, "under a mask", mask.any(-1))
            require(not weights[~mask].any(), "expected weights of exactly 0 where masked")
        torch.autograd.backward(context.sum())
        grads = [x.grad, *(p.grad for p in module.parameters())]
        finite = all(bool(g.isfinite().all()) for g in grads if g is not None)
        require(finite, f"expected finite gradients {where}")


@check(kind=ATTENTION)
def nothing_to_attend_to(subject: AttentionSubject) -> None:
    """A mask that is False everywhere gives zeros."""
    context, weights = attend(subject.build(), sequence(), mask=torch.zeros(T, T) > 0)
    require(not context.any(), "expected zeros as context where every key is masked")
    require(not weights.any(), "expected zeros as weights where every key is masked")


@check(kind=ATTENTION)
def what_is_masked_is_not_read(subject: AttentionSubject) -> None:
    """Other numbers in masked keys and values change nothing."""
    query, key, value = sequence(steps=3), sequence(steps=5), sequence(steps=5)
    module, mask = subject.build(), torch.tensor([True, False, True, True, False])
    if subject.over_features:
        raise CheckSkippedError("its weights are over features")
    require_separate(module, query, key, value)
    expected = attend(module, query, key, value, mask)
    keys, values = (torch.where(mask[:, None], t, 1e4) for t in (key, value))
    found = attend(module, query, keys, values, mask)
    require_all_same(found, expected, "with other numbers in masked keys", names=_NAMES, eps=8)


@check(kind=ATTENTION)
def masks_broadcast(subject: AttentionSubject) -> None:
    """A mask over keys alone, over queries and keys, and over rows and keys are one."""
    module, x, keys = subject.build(), sequence(), torch.tensor([True, False, True, True])
    expected = attend(module, x, mask=keys.expand(B, T, T))
    for mask in (keys, keys.expand(T, T), keys.expand(B, 1, T)):
        found = attend(module, x, mask=mask)
        where = f"for a mask of shape {tuple(mask.shape)}"
        require_all_same(found, expected, where, names=_NAMES)


@check(kind=ATTENTION)
def causal(subject: AttentionSubject) -> None:
    """causal=True is a mask of the keys up to the query's own, beside the mask that is given."""
    if subject.over_features:
        raise CheckSkippedError("its weights are over features")
    module, x, mask = subject.build(), sequence(), dark_mask()
    earlier = torch.ones(T, T, dtype=torch.bool).tril()
    for given in (None, mask):
        found = attend(module, x, mask=given, causal=True)
        expected = attend(module, x, mask=earlier if given is None else mask & earlier)
        require_all_same(found, expected, "with causal=True", names=_NAMES)
        require(not found[1].triu(1).any(), "expected no weight of a later key with causal=True")


@check(kind=ATTENTION)
def another_sequence(subject: AttentionSubject) -> None:
    """Keys and values may be of another sequence than queries, and of another length."""
    if subject.over_features:
        raise CheckSkippedError("its weights are over features")
    query, key, value = (sequence(steps=steps) for steps in (3, 6, 6))
    module = subject.build()
    require_separate(module, query, key, value)
    context, weights = attend(module, query, key, value)
    require_equal(tuple(weights.shape), (B, 3, 6), "weights of shape")
    require_equal(tuple(context.shape), (B, 3, E), "context of shape")
    _require_shares(weights, "over another sequence")


@check(kind=ATTENTION)
def rows_alone(subject: AttentionSubject) -> None:
    """Each row of a batch, and the same row unbatched, gives what it gives alone."""
    module, x, mask = subject.build(), sequence(), dark_mask()
    together = attend(module, x, mask=mask)
    for row in range(B):
        expected = [t[row] for t in together]
        alone = attend(module, x[row : row + 1], mask=mask[row : row + 1])
        require_all_same([t[0] for t in alone], expected, "of a row alone", names=_NAMES)
        unbatched = attend(module, x[row], mask=mask[row])
        require_all_same(unbatched, expected, "of unbatched input", names=_NAMES)


@check(kind=ATTENTION)
def batch_first(subject: AttentionSubject) -> None:
    """With batch_first=False sequences are (T, B, ...); weights and masks over steps stay."""
    module, x, mask = subject.build(), sequence(), dark_mask()
    turned = subject.build(batch_first=False)
    turned.load_state_dict(module.state_dict())
    expected = attend(module, x, mask=mask)
    if subject.over_features:  # laid out as the sequence
        mask = mask.transpose(0, 1)
    context, weights = attend(turned, x.transpose(0, 1), mask=mask)
    weights = weights.transpose(0, 1) if subject.over_features else weights
    found = context.transpose(0, 1), weights
    require_all_same(found, expected, "with batch_first=False", names=_NAMES)


@check(kind=ATTENTION)
def without_weights(subject: AttentionSubject) -> None:
    """need_weights=False gives the same context and None."""
    module, x = subject.build(), sequence()
    context, nothing = attend(module, x, need_weights=False)
    require_equal(nothing, None, "weights with need_weights=False")
    require_same(context, attend(module, x)[0], "context with need_weights=False")


@check(kind=ATTENTION)
def no_rows(subject: AttentionSubject) -> None:
    """A batch of no rows gives none."""
    context, weights = attend(subject.build(), sequence(rows=0))
    require_equal(tuple(context.shape), (0, T, E), "context of shape")
    require_equal(tuple(weights.shape), (0, T, T), "weights of shape")


@check(kind=ATTENTION)
def bad_masks(subject: AttentionSubject) -> None:
    """A mask that is not bool or does not fit is one sentence of ValueError or TypeError."""
    module, x = subject.build(), sequence()
    masks = {
        "a float mask": torch.ones(B, T, T),
        "a uint8 mask": torch.ones(B, T, T, dtype=torch.uint8),
        "a mask of one key too many": torch.ones(B, T, T + 1) > 0,
        "a mask of another batch size": torch.ones(B + 2, T, T) > 0,
        "a list as mask": [[True] * T] * T,
    }
    for what, mask in masks.items():
        _require_refused(lambda m=mask: module(x, x, x, m), what)


@check(kind=ATTENTION)
def bad_tensors(subject: AttentionSubject) -> None:
    """Tensors of another width, and what is no tensor, are one sentence of error."""
    module, wide = subject.build(), torch.randn(B, T, E + 1).double()
    _require_refused(lambda: module(wide, wide, wide), "queries that are too wide")
    _require_refused(lambda: module(None, None, None), "None as query")
    unknown = raised(lambda: subject.build(no_such_option_at_all=1))
    require(unknown is not None, "expected an error for an unknown option, got none")


def _require_refused(call: object, what: str) -> None:
    assert callable(call)
    error = raised(call)
    clear = isinstance(error, ValueError | TypeError) and is_one_sentence(error)
    found = "no error" if error is None else f"{type(error).__name__}: {error}"
    require(clear, f"expected one sentence of ValueError or TypeError for {what}, got {found}")


@check(kind=ATTENTION)
def in_a_layer(subject: AttentionSubject) -> None:
    """with_attention, which --attention writes, makes a layer of it; rows of packed input agree."""
    if subject.spec is None:
        raise CheckSkippedError("the class is not registered")
    cls = load_target("rnnswap:with_attention")(torch.nn.LSTM, subject.spec.name, **subject.options)
    layer = cls(3, E, dtype=torch.float64).eval()
    rows = [torch.randn(n, 3, dtype=torch.float64) for n in (6, 4)]
    packed = torch.nn.utils.rnn.pack_sequence(rows)
    output, lengths = torch.nn.utils.rnn.pad_packed_sequence(layer(packed)[0])
    require_equal(lengths.tolist(), [6, 4], "lengths of the output")
    for row, x in enumerate(rows):
        alone = layer(x)[0]
        require_same(output[: len(x), row], alone, "output of a packed row")
