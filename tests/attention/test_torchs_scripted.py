"""TorchScript compiles MultiheadAttention as nn.MultiheadAttention, with the same numbers."""

import io
import itertools

import pytest
import torch
from tolerances import assert_same
from torch import nn

from rnnswap.attention import MultiheadAttention

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.*` is deprecated:DeprecationWarning")

N, L, S, E, HEADS = 3, 4, 5, 8, 2
SETTINGS = [
    {},
    {"batch_first": True},
    {"bias": False},
    {"kdim": 6, "vdim": 10},
    {"add_bias_kv": True},
    {"add_zero_attn": True, "add_bias_kv": True, "batch_first": True},
    {"num_heads": 1, "kdim": 3},
]


def build(**settings):
    given = {"num_heads": HEADS, "dtype": torch.float64, **settings}
    layer = MultiheadAttention(E, **given).eval()
    for parameter in layer.parameters():
        if parameter.dim() != 2:
            nn.init.normal_(parameter)
    return layer


def sequences(layer, *, batched=True):
    sizes = ((L, E), (S, layer.kdim), (S, layer.vdim))
    made = [torch.randn(steps, N, width, dtype=torch.float64) for steps, width in sizes]
    if not batched:
        made = [x[:, 0].contiguous() for x in made]
    elif layer.batch_first:
        made = [x.transpose(0, 1).contiguous() for x in made]
    return [x.requires_grad_() for x in made]


def masks(heads, *, batched=True):
    """None, bool and number masks of keys and of pairs, one of which leaves queries no key."""
    padding = torch.zeros(N, S, dtype=torch.bool)
    padding[0, 2:], padding[1] = True, True
    pairs = torch.zeros(L, S, dtype=torch.bool)
    pairs[0, 1:], pairs[2] = True, True
    of_heads = torch.rand(N * heads, L, S) > 0.6
    of_heads[0] = True
    if not batched:
        padding, of_heads = padding[0], of_heads[:heads]
    numbers = torch.randn(L, S, dtype=torch.float64)
    return itertools.product((None, padding, padding.double()), (None, pairs, numbers, of_heads))


def results(module, given, settings):
    """The output, the weights, and all gradients."""
    output, weights = module(*given, **settings)
    total = output.square().sum() + (0 if weights is None else weights.square().sum())
    leaves = [*given, *module.parameters()]
    grads = torch.autograd.grad(total, leaves, allow_unused=True)
    return [output, *([] if weights is None else [weights]), *(g for g in grads if g is not None)]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@pytest.mark.parametrize("batched", [True, False], ids=["batched", "unbatched"])
@pytest.mark.parametrize("need_weights", [True, False], ids=["weights", "no weights"])
def test_numbers_are_those_of_the_module(setting, batched, need_weights):
    layer = build(**setting)
    scripted = torch.jit.script(layer)
    given = sequences(layer, batched=batched)
    for padding, pairs in masks(layer.num_heads, batched=batched):
        settings = {"key_padding_mask": padding, "attn_mask": pairs, "need_weights": need_weights}
        for average in (True, False) if need_weights else (True,):
            settings["average_attn_weights"] = average
            found, expected = (results(m, given, settings) for m in (scripted, layer))
            for got, wanted in zip(found, expected, strict=True):
                assert_same(got, wanted)


def test_one_sequence_and_a_causal_mask():
    layer = build(batch_first=True)
    scripted, x = torch.jit.script(layer), torch.randn(N, L, E, dtype=torch.float64)
    mask = torch.ones(L, L, dtype=torch.bool).triu(1)
    for need_weights in (True, False):
        settings = {"attn_mask": mask, "is_causal": True, "need_weights": need_weights}
        assert_same(scripted(x, x, x, **settings)[0], layer(x, x, x, **settings)[0])


class Model(nn.Module):
    def __init__(self, cls):
        super().__init__()
        self.attention = cls(E, HEADS)
        self.head = nn.Linear(E, 1)

    def forward(self, x):
        return self.head(self.attention(x, x, x)[0])


def test_a_model_is_scripted_saved_and_frozen_as_with_torchs():
    theirs, mine = Model(nn.MultiheadAttention).eval(), Model(MultiheadAttention).eval()
    mine.load_state_dict(theirs.state_dict())
    x = torch.randn(L, N, E)
    scripted = torch.jit.script(mine)
    assert list(scripted.state_dict()) == list(theirs.state_dict())
    file = io.BytesIO()
    torch.jit.save(scripted, file)
    file.seek(0)
    loaded = torch.jit.load(file)
    for module in (scripted, loaded, torch.jit.freeze(scripted), torch.jit.script(theirs)):
        assert_same(module(x), mine(x))


def test_it_can_be_trained():
    torch.manual_seed(0)
    layer = MultiheadAttention(E, HEADS, dropout=0.5)
    scripted, x = torch.jit.script(layer), torch.ones(L, N, E)
    first, weights = scripted(x, x, x)
    assert not torch.equal(first, scripted(x, x, x)[0])
    # One half of the weights is left, twice as large.
    assert set(weights.unique().tolist()) <= {0.0, 0.25, 0.5}
    assert not torch.equal(*(scripted(x, x, x, need_weights=False)[0] for _ in range(2)))
    scripted.eval()
    assert torch.equal(scripted(x, x, x)[0], scripted(x, x, x)[0])


def test_wrong_masks_are_refused():
    scripted, x = torch.jit.script(build()), torch.ones(L, N, E, dtype=torch.float64)
    with pytest.raises(torch.jit.Error, match="attn_mask must be bool"):
        scripted(x, x, x, attn_mask=torch.zeros(L, L, dtype=torch.int64))
    with pytest.raises(torch.jit.Error, match="is_causal is a hint about attn_mask"):
        scripted(x, x, x, is_causal=True)
