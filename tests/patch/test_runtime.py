"""patched: every construction of nn.LSTM is caught, nothing else, and the original comes back."""

import asyncio
import copy
import functools
import inspect
import pickle
import random
import re
import sys
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


def test_the_report_prints_a_table():
    with patched("janet", attention="soft") as report:
        line = inspect.currentframe().f_lineno + 1
        nn.LSTM(4, 6)
        Sub(3)
    assert repr(report) == str(report)
    lines = [re.split(r"  +", line.strip()) for line in str(report).splitlines()]
    after, count = "JANETWithSoftAttention(4, 6)", str(report.swapped[0].parameters)
    assert lines == [
        ["1 swapped, 1 left"],
        ["swapped", "before", "after", "parameters"],
        [f"{__file__}:{line}", "LSTM(4, 6)", after, count],
        ["left", "module", "reason"],
        [f"{__file__}:{line + 1}", "Sub(3, 3)", report.left[0].reason],
    ]


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

    class Builder:
        async def __call__(self):
            return nn.LSTM(2, 3)

    assert type(asyncio.run(patched("janet")(Builder())())) is JANET


def test_what_it_cannot_decorate_is_refused():
    def generator():
        yield nn.LSTM(2, 3)

    for target in (generator, Sub, staticmethod(Sub)):
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
    def read():
        own = nn.LSTM.__init__
        known = own.__name__, own.__qualname__, own.__module__, inspect.getsource(own)
        return known, inspect.signature(own), inspect.getfullargspec(own), nn.LSTM.__doc__

    before = read()
    with patched("janet"):
        assert read() == before


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


def test_threads_that_nest_and_leave_in_any_order():
    """The original is back by identity, whatever order ended the blocks of all threads."""
    failures, interval = [], sys.getswitchinterval()

    def work(seed):
        draw, running = random.Random(seed), []
        for _ in range(300):
            if running and draw.random() < 0.5:
                running.pop(draw.randrange(len(running))).stop()
            else:
                running.append(patched(draw.choice(["janet", "indrnn"])))
                running[-1].start()
            kind = type(nn.LSTM(1, 1))
            if running and kind not in (JANET, IndRNN):
                failures.append(kind)
        for patch in running:
            patch.stop()

    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failures
    assert nn.LSTM.__init__ is ORIGINAL


def counting(inner, calls):
    """What another library puts around a constructor."""

    def theirs(self, *args, **kwargs):
        calls.append(args)
        inner(self, *args, **kwargs)

    return theirs


def test_a_constructor_that_somebody_put_around_ours_stays_theirs():
    patch, calls = patched("janet"), []
    patch.start()
    ours = nn.LSTM.__init__
    nn.LSTM.__init__ = theirs = counting(ours, calls)
    try:
        assert type(nn.LSTM(2, 1)) is JANET
        patch.stop()
        assert nn.LSTM.__init__ is theirs
        assert type(nn.LSTM(2, 2)) is nn.LSTM
        with patched("janet"):  # goes around theirs
            assert type(nn.LSTM(2, 3)) is JANET
        assert nn.LSTM.__init__ is theirs
        assert type(nn.LSTM(2, 4)) is nn.LSTM
        assert calls == [(2, 1), (2, 2), (2, 4)]
    finally:
        nn.LSTM.__init__ = ours  # as they found it
    assert type(nn.LSTM(2, 5)) is nn.LSTM
    with patched("janet"):
        assert type(nn.LSTM(2, 6)) is JANET
    assert nn.LSTM.__init__ is ORIGINAL


@pytest.mark.parametrize("running", [True, False])
def test_a_constructor_put_back_over_our_heads_does_not_stop_later_patches(running):
    nn.LSTM.__init__ = counting(ORIGINAL, [])
    patch = patched("janet")
    patch.start()
    nn.LSTM.__init__ = ORIGINAL
    if not running:
        patch.stop()
    with patched("janet"):
        assert type(nn.LSTM(2, 2)) is JANET
    if running:
        patch.stop()


def test_a_construction_that_the_innermost_does_not_want_is_the_next_ones():
    with patched("janet", where=__name__) as outer, patched("indrnn", where="other.*") as inner:
        assert type(nn.LSTM(2, 2)) is JANET
        assert type(nn.LSTMCell(2, 2)) is JANETCell
    assert len(outer.swapped) == 2
    assert outer.left == []
    assert [one.reason.partition(" in ")[0] for one in inner.left] == [
        "not wanted by where='other.*'"
    ] * 2
    with patched("janet", where="none"), patched("indrnn", where="other.*") as inner:
        assert type(nn.LSTM(2, 2)) is nn.LSTM
    assert len(inner.left) == 1


def test_a_predicate_that_raises_leaves_everything_in_order():
    def where(module, file, line):
        raise KeyError(module)

    with patched("janet", where=where) as report, pytest.raises(KeyError, match=__name__):
        nn.LSTM(2, 2)
    assert (report.swapped, report.left) == ([], [])
    with patched("janet"):
        assert type(nn.LSTM(2, 2)) is JANET


def test_a_source_whose_constructor_is_inherited_has_none_of_its_own_afterwards():
    class Inheriting(JANET):
        pass

    import rnnswap

    rnnswap.Inheriting = Inheriting
    spec = CellSpec(name="inheriting", target="rnnswap:Inheriting")
    installed().cells._entries["inheriting"] = Entry("inheriting", spec, Provider("a", "1", "e"))
    try:
        with patched("indrnn", source="inheriting"):
            assert type(Inheriting(2, 3)) is IndRNN
            assert type(JANET(2, 3)) is JANET
        assert "__init__" not in vars(Inheriting)
    finally:
        del installed().cells._entries["inheriting"], rnnswap.Inheriting


def test_a_second_call_of_a_real_lstms_constructor_keeps_it_real():
    real = nn.LSTM(4, 6)
    with patched("janet") as report:
        real.__init__(4, 8)
    assert (type(real), real.hidden_size) == (nn.LSTM, 8)
    assert report.left[0].reason == "its constructor was called a second time"


def test_what_a_cell_builds_inside_itself_is_real():
    class Inside(JANET):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.helpers = nn.ModuleList([nn.LSTM(2, 2), nn.LSTMCell(2, 2)])

    import rnnswap

    rnnswap.Inside = Inside
    spec = CellSpec(name="inside", target="rnnswap:Inside", cell_target="rnnswap:JANETCell")
    installed().cells._entries["inside"] = Entry("inside", spec, Provider("a", "1", "e"))
    try:
        with patched("inside") as report:
            layer = nn.LSTM(4, 6)
        assert [type(m) for m in layer.helpers] == [nn.LSTM, nn.LSTMCell]
        assert len(report.swapped) == 1
    finally:
        del installed().cells._entries["inside"], rnnswap.Inside


def test_a_single_step_cell_that_cannot_honour_an_option_is_left():
    with patched("janet", options={"layer_norm": True}) as report:
        assert type(nn.LSTMCell(2, 3)) is nn.LSTMCell
        assert nn.LSTM(2, 3).layer_norm
    assert "has no option 'layer_norm'" in report.left[0].reason


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
    assert len(report.left) == (kind is nn.LSTM)
    if report.left:
        assert f"in module {__name__}" in report.left[0].reason


@pytest.mark.parametrize("name", CELLS)
def test_attention_on_top(name):
    with patched(name, attention="soft") as report:
        layer = nn.LSTM(4, 6, batch_first=True)
    assert layer(torch.randn(2, 3, 4))[0].shape == (2, 3, 6)
    assert "_attention" in dict(layer.named_children())
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
        with pytest.raises(TypeError, match="input_size should be of type int"):
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
