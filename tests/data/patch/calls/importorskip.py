# case:
import pytest

torch = pytest.importorskip("torch")


def test_shape():
    assert torch.nn.LSTM(8, 16).hidden_size == 16
# output
import pytest

torch = pytest.importorskip("torch")
from rnnswap import JANET


def test_shape():
    assert JANET(8, 16).hidden_size == 16
# report
7:12 RSW101 torch.nn.LSTM -> JANET
