"""What torch.jit.trace records: a loop that keeps its own length, and survives saving."""

import io

import pytest
import torch
from cases import SCANS
from tolerances import assert_same

from rnnswap.ops.indrnn.scripted import indrnn_scan_scripted
from rnnswap.ops.janet.scripted import janet_scan_scripted


def traced(scan, T, reverse=False):
    """Trace a recurrence as a function of its input, whose other arguments are constants."""
    operation, arguments, settings = SCANS[scan]
    x, *rest = arguments(T, 2, 3, 4, **settings, reverse=reverse)
    constants = [a.detach() if isinstance(a, torch.Tensor) else a for a in rest]

    def call(x):
        return operation(x, *constants)

    return torch.jit.trace(call, x.detach(), check_trace=False), call


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("scan", SCANS)
def test_a_trace_is_right_at_other_lengths_and_after_saving(scan, reverse):
    trace, call = traced(scan, 5, reverse)
    buffer = io.BytesIO()
    torch.jit.save(trace, buffer)
    buffer.seek(0)
    loaded = torch.jit.load(buffer)
    for T in (1, 5, 12):
        x = torch.randn(T, 2, 3, dtype=torch.float64)
        for again in (trace, loaded):
            for found, truth in zip(again(x), call(x), strict=True):
                assert_same(found, truth)


@pytest.mark.parametrize(
    ("scan", "run"), [("janet", janet_scan_scripted), ("indrnn-relu", indrnn_scan_scripted)]
)
def test_it_runs_only_while_tracing(scan, run):
    operation, arguments, settings = SCANS[scan]
    args = arguments(3, 2, 3, 4, **settings)
    assert operation.choose(*args).name != "scripted"
    (scripted,) = [i for i in operation.implementations if i.name == "scripted"]
    assert scripted.run is run
    assert scripted.reasons_against(*args) == ["only torch.jit.trace needs it"]
