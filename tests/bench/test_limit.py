"""The products that a recurrence cannot do without, by its weights."""

import pytest
import torch
from torch import nn

import rnnswap
from rnnswap.bench.limit import as_limit, parts_of
from rnnswap.bench.plan import Shape
from rnnswap.bench.timing import Samples

SHAPE = Shape(4, 3, 2, 5)


def products(layer, mode, monkeypatch):
    """Return {part: sizes of the torch.mm calls of its first way}."""
    parts = parts_of(layer, "cell", SHAPE, mode)
    seen = []
    real = torch.mm
    monkeypatch.setattr(
        torch, "mm", lambda a, b, out: (seen.append((*a.shape, b.shape[1])), real(a, b, out=out))
    )
    found = {}
    for (_, part, way), call in parts.items():
        seen.clear()
        call()
        if way == 0:
            found[part] = list(seen)
    return found


@pytest.mark.parametrize(("layer", "gates"), [(rnnswap.JANET, 2), (nn.LSTM, 4)])
def test_dense_recurrences_multiply_step_after_step(layer, gates, monkeypatch):
    T, B, I, H = 4, 3, 2, 5
    G = gates * H
    assert products(layer(I, H), "training-dx", monkeypatch) == {
        "x W": [(T * B, I, G)],
        "h U": [(B, H, G)] * T,
        "h U at once": [(T * B, H, G)],
        "d U": [(B, G, H)] * T,
        "d U at once": [(T * B, G, H)],
        "dU": [(G, T * B, H)],
        "dW": [(G, T * B, I)],
        "dx": [(T * B, G, I)],
    }


def test_element_wise_recurrences_move_bytes(monkeypatch):
    found = products(rnnswap.IndRNN(2, 5), "training", monkeypatch)
    assert found == {"x W": [(12, 2, 5)], "copy": [], "dW": [(5, 12, 2)]}
    assert set(products(rnnswap.IndRNN(2, 5), "forward", monkeypatch)) == {"x W", "copy"}


def test_the_fastest_way_counts_and_other_cells_do_not():
    taken = {
        ("a", "h U", 0): Samples(1, (3.0,)),
        ("a", "h U", 1): Samples(1, (2.0,)),
        ("a", "h U at once", 0): Samples(1, (0.5,)),
        ("a", "x W", 0): Samples(1, (1.0,)),
        ("b", "x W", 0): Samples(1, (9.0,)),
        ("a", False): Samples(1, (7.0,)),
    }
    limit = as_limit(rnnswap.JANET(2, 5), "a", SHAPE, "forward", taken)
    assert limit.parts == {"h U": 2.0, "x W": 1.0}
    assert limit.at_once == {"h U": 0.5, "x W": 1.0}
    assert limit.moved == 0
