"""What holds for every registered mechanism, each called with one sequence as query, key and value.

T = E, so that weights and masks of mechanisms over steps and over features have one shape.
"""

import copy
import pickle

import pytest
import torch
from tolerances import assert_same
from torch import nn

from rnnswap import OptionError
from rnnswap.attention import (
    feature_attention,
    hard_attention,
    multihead_attention,
    self_attention,
    soft_attention,
)
from rnnswap.discovery import get_attention, installed, list_attentions

B, T, E = 3, 4, 4

every = pytest.mark.parametrize("name", list_attentions())
with_and_without_weights = pytest.mark.parametrize("need_weights", [False, True])


def make(name, dtype=torch.float64, **settings):
    """A mechanism whose biases are not zero."""
    module = get_attention(name)(E, E, dtype=dtype, **settings)
    for parameter in module.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter)
    return module


def sequence(dtype=torch.float64):
    return torch.randn(B, T, E, dtype=dtype, requires_grad=True)


def mask_with_a_dark_row():
    mask = torch.rand(B, T, T) > 0.3
    mask[..., 0] = True
    mask[1, 2] = False
    return mask


class One(nn.Module):
    """A mechanism with one input, and its context alone."""

    def __init__(self, mechanism, need_weights):
        super().__init__()
        self.mechanism = mechanism
        self.need_weights = need_weights

    def forward(self, x):
        return self.mechanism(x, x, x, need_weights=self.need_weights)[0]


@every
def test_weights_are_shares_and_may_be_left_out(name):
    module, x = make(name), sequence()
    context, weights = module(x, x, x)
    assert context.shape == x.shape
    assert weights.shape == (B, T, T)
    assert (weights >= 0).all()
    assert_same(weights.sum(-1), torch.ones(B, T, dtype=x.dtype))
    alone, nothing = module(x, x, x, need_weights=False)
    assert nothing is None
    assert_same(alone, context)


@every
@with_and_without_weights
def test_masked_is_zero_and_a_dark_row_is_zero_with_finite_gradients(name, need_weights):
    module, x, mask = make(name), sequence(), mask_with_a_dark_row()
    context, weights = module(x, x, x, mask, need_weights=need_weights)
    assert not context[1, 2].any()
    assert context[1, 1].any()
    if need_weights:
        assert not weights[~mask].any()
        seen = mask.any(-1).double()
        assert_same(weights.sum(-1), seen)
    context.sum().backward()
    assert x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in module.parameters())


@every
def test_masks_broadcast(name):
    module, x = make(name), sequence()
    keys = torch.tensor([True, False, True, True])
    for mask in (keys, keys.expand(T, T), keys.expand(B, 1, T)):
        assert_same(module(x, x, x, mask)[0], module(x, x, x, keys.expand(B, T, T))[0])


@every
def test_layouts_agree(name):
    module, x = make(name), sequence()
    context, weights = module(x, x, x)
    turned = make(name, batch_first=False)
    turned.load_state_dict(module.state_dict())
    y = x.transpose(0, 1)
    found, _ = turned(y, y, y)
    assert_same(found.transpose(0, 1), context)
    for layer in (module, turned):
        row = x[1]
        found, row_weights = layer(row, row, row)
        assert_same(found, context[1])
        assert_same(row_weights, weights[1])


@every
def test_bfloat16_and_autocast_are_as_near_as_their_precision(name):
    module, x = make(name, torch.float32), sequence(torch.float32)
    expected = module(x, x, x)[0]
    with torch.autocast("cpu", torch.bfloat16):
        context, weights = module(x, x, x)
    assert weights.isfinite().all()
    assert_same(context.bfloat16(), expected.bfloat16(), eps=8)
    low, y = module.bfloat16(), x.bfloat16()
    context, _ = low(y, y, y)
    assert context.dtype == torch.bfloat16
    assert_same(context, expected.bfloat16(), eps=8)


@every
@with_and_without_weights
def test_compiles_whole_and_exports_for_other_sizes(name, need_weights):
    torch.compiler.reset()  # what other mechanisms compiled counts against the limit of one forward
    module, x = One(make(name), need_weights), sequence()
    expected = module(x)
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    assert_same(compiled(x), expected)
    gradients = [torch.autograd.grad(m(x).sin().sum(), x)[0] for m in (compiled, module)]
    assert_same(*gradients)
    sizes = {0: torch.export.Dim("batch", min=2), 1: torch.export.Dim("steps", min=4)}
    exported = torch.export.export(module, (x.detach(),), dynamic_shapes={"x": sizes}).module()
    longer = torch.randn(B + 2, T + 3, E, dtype=x.dtype)
    assert_same(exported(longer), module(longer))


@every
@with_and_without_weights
def test_gradients_once_and_twice(name, need_weights):
    module, mask = make(name), mask_with_a_dark_row()
    parameters = dict(module.named_parameters())

    def context(x, *values):
        given = dict(zip(parameters, values, strict=True))
        call = torch.func.functional_call
        return call(module, given, (x, x, x, mask), {"need_weights": need_weights})[0]

    values = [p.detach().requires_grad_() for p in parameters.values()]
    assert torch.autograd.gradcheck(context, (sequence(), *values), fast_mode=True)
    assert torch.autograd.gradgradcheck(context, (sequence(), *values), fast_mode=True)


@every
def test_state_dict_copies_and_pickle_carry_everything(name):
    module, x = make(name), sequence()
    other = make(name)
    other.load_state_dict(module.state_dict())
    expected = module(x, x, x)[0]
    for twin in (other, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(twin(x, x, x)[0], expected)


@every
@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (torch.ones(B, T, T), r"mask must be bool \(True = attend\), got torch.float32"),
        (torch.ones(B, T, T, dtype=torch.uint8), "mask must be bool .* got torch.uint8"),
        (torch.ones(B, T, T + 1, dtype=torch.bool), r"mask of shape \(3, 4, 5\) does not fit"),
        (torch.ones(2, T, T, dtype=torch.bool), r"mask of shape \(2, 4, 4\) does not fit"),
        ([[True] * T] * T, "mask must be a bool tensor or None, got list"),
    ],
    ids=["float", "uint8", "shape", "batch", "list"],
)
def test_masks_that_do_not_fit_are_refused_in_a_sentence(name, mask, words):
    x = sequence()
    with pytest.raises(OptionError, match=words) as caught:
        make(name)(x, x, x, mask)
    assert "\n" not in str(caught.value)


@every
def test_tensors_that_do_not_fit_are_refused_in_a_sentence(name):
    module, x = make(name), sequence()
    wide = torch.randn(B, T, E + 1, dtype=x.dtype)
    with pytest.raises(OptionError, match=r"query must have 4 features \(query_size\), got shape"):
        module(wide, wide, wide)
    with pytest.raises(OptionError, match="query must be a tensor, got NoneType"):
        module(None, None, None)


#: The functional form of each mechanism of the box, with the parameters of a module.
FUNCTIONS = {
    "soft": lambda m, x, **more: soft_attention(x, x, x, **m.score_weights(), **more),
    "hard": lambda m, x, **more: hard_attention(x, x, x, k=4, **m.score_weights(), **more),
    "multihead": lambda m, x, **more: multihead_attention(
        x, x, x, in_weights=m.in_weights(), **out_of(m), **more
    ),
    "self": lambda m, x, **more: self_attention(x, in_weight=m.in_proj_weight, **out_of(m), **more),
    "feature": lambda m, x, **more: feature_attention(x, x, x, **m.score_weights(), **more),
}


def out_of(module):
    return {
        "heads": module.heads,
        "in_bias": module.in_proj_bias,
        "out_weight": module.out_proj.weight,
        "out_bias": module.out_proj.bias,
    }


def test_every_mechanism_of_the_box_has_a_functional_form():
    entries = installed().attentions
    assert set(FUNCTIONS) == {e.name for e in entries if e.provider.distribution == "rnnswap"}


@pytest.mark.parametrize("name", FUNCTIONS)
@with_and_without_weights
def test_function_with_the_modules_parameters_is_the_module(name, need_weights):
    module, x, mask = make(name), sequence(), mask_with_a_dark_row()
    found = FUNCTIONS[name](module, x, mask=mask, need_weights=need_weights)
    expected = module(x, x, x, mask, need_weights=need_weights)
    assert_same(found[0], expected[0])
    assert not found[0][1, 2].any()
    assert (found[1] is None) == (expected[1] is None)
    if need_weights:
        assert_same(found[1], expected[1])
