"""Life without the C library, and who is told why."""

from cases import SCANS
from tolerances import assert_same

from rnnswap.ops import _native


def test_without_the_library_pytorch_serves_and_the_reason_can_be_asked(monkeypatch):
    operation, make, _ = SCANS["janet"]
    args = make(3, 2, 2, 3)
    expected = operation(*args)
    monkeypatch.setattr(_native, "load", lambda: "the C library was not built")
    native = operation.implementations[0]
    assert native.reasons_against(*args) == ["the C library was not built"]
    assert operation.choose(*args).name == "manual"
    for a, b in zip(operation(*args), expected, strict=True):
        assert_same(a, b, eps=512)
