"""patched: every construction of nn.LSTM is caught, nothing else, and the original comes back."""

import asyncio
import copy
import functools
import inspect
import pickle
import threading

import pytest
import torch
from cases import CELLS
from torch import nn
from torch.nn import LSTM as BoundEarly

from rnnswap import (
    JANET,
    CellSpec,
    IndRNN,
    JANETCell,
    OptionError,
    SwapError,
    UnknownNameError,
    UnsupportedError,
    patched,
    swap_,
)
from rnnswap.discovery import get_cell, installed
from rnnswap.registry import Entry, Provider

ORIGINAL = nn.LSTM.__init__
KINDS = {"lstm": nn.LSTM}


class Sub(nn.LSTM):
    def __init__(self, width):
        super().__init__(width, width)


@pytest.fixture(autouse=True)
def original_is_back_by_identity():
    yield
    assert nn.LSTM.__init__ is ORIGINAL


@pytest.mark.parametrize(
    "construct",
    [
        lambda: nn.LSTM(4, 6),
        lambda: torch.nn.LSTM(input_size=4, hidden_size=6),
        lambda: BoundEarly(4, hidden_size=6),
        lambda: KINDS["lstm"](4, 6),
        lambda: getattr(nn, "LS" + "TM")(4, 6),
        functools.partial(nn.LSTM, 4, 6),
    ],
    ids=["nn", "torch.nn", "bound early", "dict", "getattr", "partial"],
)
def test_every_way_to_construct_is_caught(construct):
    with patched("janet") as report:
        layer = construct()
    assert type(layer) is JANET
    assert (layer.input_size, layer.hidden_size) == (4, 6)
    assert len(report.swapped) == 1
    assert type(construct()) is nn.LSTM


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_with_every_argument(name):
    with patched(name) as report:
        layer = nn.LSTM(4, 6, 2, False, True, 0.5, bidirectional=True, proj_size=2)
    assert type(layer) is get_cell(name)
    assert layer(torch.randn(3, 5, 4))[0].shape == (3, 5, 4)
    assert report.cell == name
    assert report.swapped[0].before.startswith("LSTM(4, 6, 2, False, True, 0.5, bidirectional=True")
    assert report.swapped[0].parameters == sum(p.numel() for p in layer.parameters())


def test_the_place_of_construction_is_recorded():
    with patched("indrnn-v2") as report:
        line = inspect.currentframe().f_lineno + 1
        nn.LSTM(4, 6)
        Sub(3)
        nn.LSTMCell(2, 2)
    assert [(c.file, c.line) for c in report.swapped] == [(__file__, line)]
    assert report.swapped[0].after == "IndRNNv2(4, 6)"
    assert [(c.file, c.line) for c in report.left] == [(__file__, line + 1), (__file__, line + 2)]
    assert "subclass of LSTM" in report.left[0].reason
    assert "no counterpart of LSTMCell" in report.left[1].reason


def test_the_report_prints_one_line_a_layer():
    with patched("janet", attention="soft") as report:
        nn.LSTM(4, 6)
        Sub(3)
    first, swapped, left = str(report).splitlines()
    assert first == "1 swapped, 1 left"
    assert "LSTM(4, 6) -> JANETWithSoftAttention(4, 6)" in swapped
    assert "Sub(3, 3) left, subclass of LSTM" in left


@pytest.mark.parametrize("where", [3, ["m.*"]], ids=str)
def test_where_of_another_kind_is_refused_at_once(where):
    with pytest.raises(OptionError, match="where takes a glob on a module's name"):
        patched("janet", where=where)


def test_as_a_decorator_of_a_coroutine_it_acts_while_that_runs():
    @patched("janet")
    async def build():
        await asyncio.sleep(0)
        return nn.LSTM(2, 3)

    assert type(asyncio.run(build())) is JANET


def test_what_it_cannot_decorate_is_refused():
    def generator():
        yield nn.LSTM(2, 3)

    for target in (generator, Sub):
        with pytest.raises(SwapError, match="decorates functions and coroutine functions"):
            patched("janet")(target)
    with pytest.raises(OptionError, match="named by a string"):
        patched(generator)


def test_single_step_cells_are_caught_too():
    with patched("janet") as report:
        cell = nn.LSTMCell(4, 6, bias=False)
    assert type(cell) is JANETCell
    assert report.swapped[0].before == "LSTMCell(4, 6, bias=False)"
    assert type(nn.LSTMCell(4, 6)) is nn.LSTMCell


def test_subclasses_copies_and_pickles_of_real_lstms_pass_through():
    real = nn.LSTM(4, 6)
    with patched("janet"):
        assert type(Sub(3)) is Sub
        assert type(copy.deepcopy(real)) is nn.LSTM
        assert type(pickle.loads(pickle.dumps(real))) is nn.LSTM
        assert isinstance(real, nn.LSTM)


def test_signature_and_docstring_stay_readable():
    before = inspect.signature(nn.LSTM.__init__), nn.LSTM.__doc__
    with patched("janet"):
        assert (inspect.signature(nn.LSTM.__init__), nn.LSTM.__doc__) == before


def test_nested_blocks_innermost_acts_and_any_order_of_ending_works():
    outer, inner = patched("janet"), patched("indrnn")
    outer.start()
    inner.start()
    assert type(nn.LSTM(2, 2)) is IndRNN
    outer.stop()
    assert type(nn.LSTM(2, 2)) is IndRNN
    inner.stop()
    assert type(nn.LSTM(2, 2)) is nn.LSTM


def test_the_same_object_can_nest_in_itself():
    patch = patched("janet")
    with patch, patch:
        assert type(nn.LSTM(2, 2)) is JANET
    assert type(nn.LSTM(2, 2)) is nn.LSTM


def test_ends_after_an_exception():
    with pytest.raises(ZeroDivisionError), patched("janet"):
        1 / 0  # noqa: B018
    assert nn.LSTM.__init__ is ORIGINAL


def test_as_a_decorator():
    @patched("indrnn", options={"nonlinearity": "tanh"})
    def build():
        return nn.LSTM(2, 3)

    assert build().nonlinearity == "tanh"
    assert type(nn.LSTM(2, 3)) is nn.LSTM


def test_threads_that_come_and_go_leave_the_original_behind():
    failures = []

    def work():
        for _ in range(50):
            with patched("janet"):
                if type(nn.LSTM(2, 2)) is not JANET:
                    failures.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        (__name__, JANET),
        ("elsewhere.*", nn.LSTM),
        (lambda module, file, line: file == __file__ and line > 1, JANET),
        (lambda *_: False, nn.LSTM),
    ],
    ids=["here", "elsewhere", "file", "never"],
)
def test_where_limits(where, kind):
    with patched("janet", where=where) as report:
        assert type(nn.LSTM(2, 2)) is kind
    assert len(report.swapped) == (kind is JANET)


@pytest.mark.parametrize("name", CELLS)
def test_attention_on_top(name):
    with patched(name, attention="soft") as report:
        layer = nn.LSTM(4, 6, batch_first=True)
    assert layer(torch.randn(2, 3, 4))[0].shape == (2, 3, 6)
    assert "attention" in dict(layer.named_children())
    assert "\n" not in report.swapped[0].after


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ({"proj_size": 2}, True),
        ({"bias": False}, True),
        ({"num_layers": 2}, True),
        ({"proj_size": 0, "bias": True, "num_layers": 1}, False),
    ],
    ids=str,
)
def test_what_a_cell_does_not_support_is_refused_by_every_route(asked, refused):
    limited = CellSpec(
        name="limited", target="rnnswap:JANET", unsupported={"proj_size", "bias", "num_layers"}
    )
    installed().cells._entries["limited"] = Entry("limited", limited, Provider("acme", "1", "e"))
    try:
        if refused:
            with patched("limited"), pytest.raises(UnsupportedError, match="does not support"):
                nn.LSTM(4, 6, **asked)
            with pytest.raises(SwapError, match="'limited' does not support"):
                swap_(nn.LSTM(4, 6, **asked), "limited")
        else:
            with patched("limited"):
                assert type(nn.LSTM(4, 6, **asked)) is JANET
            assert type(swap_(nn.LSTM(4, 6, **asked), "limited").model) is JANET
    finally:
        del installed().cells._entries["limited"]


def test_another_cell_can_be_the_source():
    with patched("lstm", source="janet"):
        assert type(JANET(2, 3)) is nn.LSTM
        assert type(nn.LSTM(2, 3)) is nn.LSTM
    assert type(JANET(2, 3)) is JANET


def test_a_mistake_in_the_construction_is_the_callers():
    with patched("janet") as report:
        with pytest.raises(TypeError, match="input_size must be an int"):
            nn.LSTM("4", 6)
        with pytest.raises(TypeError, match="hiden"):
            nn.LSTM(4, hiden=6)
    assert report.swapped == []


def test_bad_arguments_are_refused_before_anything_is_patched():
    with pytest.raises(UnknownNameError, match="did you mean 'janet'"):
        patched("jannet")
    with pytest.raises(OptionError, match="'janet' has no option 'tmax'"):
        patched("janet", options={"tmax": 3})


def test_stop_without_start_says_so():
    with pytest.raises(SwapError, match="is not running"):
        patched("janet").stop()
