"""The text of the screen for given outcomes."""

import dataclasses
import io

import pytest
from rich.console import Console

from rnnswap.patch._runtime import Construction, LeftAlone
from rnnswap.training.outcome import Outcome
from rnnswap.training.report import LISTED_PLACES, screen
from rnnswap.training.settings import Swap
from rnnswap.training.steps import Summary

SUMMARY = Summary(
    steps=1500,
    seconds=12.34,
    first_loss=2.30258,
    last_loss=0.0415,
    clipped_steps=123,
    norm_before=1.83,
    norm_after=0.94,
    step_seconds=0.008,
    backward_share=0.5,
    optimizer_share=0.2,
)


def shown(outcome):
    file = io.StringIO()
    Console(file=file, soft_wrap=True).print(screen(outcome))
    return file.getvalue()


def layer(file="/elsewhere/model.py", line=12):
    return Construction(file, line, "LSTM(8, 32)", "JANET(8, 32)", 2688)


def outcome(swapped=(), left=(), summary=SUMMARY, policy="norm:1.0", swap=None, **more):
    swap = swap or Swap("janet")
    return Outcome("fit.py", 0, policy, summary, swap, swapped, left, **more)


def test_screen_of_a_run():
    assert shown(outcome([layer()])) == (
        "rnnswap train fit.py\n"
        "  cell           janet, 1 layer swapped\n"
        "                 /elsewhere/model.py:12  LSTM(8, 32) -> JANET(8, 32)  2,688 parameters\n"
        "  clipping       norm:1.0 acted in 123 of 1,500 steps (8.2%)\n"
        "  steps          1,500 in 12.3 s\n"
        "  loss           2.303 at first, 0.0415 at last\n"
        "  gradient norm  1.83 before clipping, 0.94 after (mean)\n"
        "  time           8 ms a step: backward 50%, optimizer and clipping 20%, the rest 30%\n"
    )


def test_screen_without_swap_and_clipping():
    text = shown(Outcome("fit.py", 0, "none", SUMMARY))
    assert "  cell           nn.LSTM as it is\n" in text
    assert "  clipping       none\n" in text
    assert "  gradient norm  1.83 (mean)\n" in text


def test_place_below_the_folder_of_the_start_is_relative(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    file = str(tmp_path / "src" / "model.py")
    ran = outcome([layer(file, 7)], left=[LeftAlone(file, 8, "Mine(2, 3)", "subclass")])
    assert f"  {file}:7  LSTM" in shown(ran)
    text = shown(dataclasses.replace(ran, folder=str(tmp_path)))
    assert "  src/model.py:7  LSTM" in text
    assert "  src/model.py:8  Mine" in text
    assert f"  {file}:7  LSTM" in shown(dataclasses.replace(ran, folder=str(tmp_path / "sr")))


def test_place_that_constructs_often_takes_one_line():
    text = shown(outcome([layer()] * 24))
    assert "24 layers swapped" in text
    assert text.count("/elsewhere/model.py:12") == 1
    assert "2,688 parameters  (24 times)\n" in text


@pytest.mark.parametrize(("count", "rest"), [(1, "1 more place"), (30, "30 more places")])
def test_many_places_are_counted(count, rest):
    text = shown(outcome([layer(line=n) for n in range(LISTED_PLACES + count)]))
    assert text.count("/elsewhere/model.py") == LISTED_PLACES
    assert f"and {rest}\n" in text


def test_layers_left_are_listed_with_their_reason():
    left = LeftAlone("/elsewhere/model.py", 3, "Mine(2, 3)", "subclass of LSTM")
    text = shown(outcome([layer()], left=[left]))
    assert "  left           1 as found\n" in text
    assert "  /elsewhere/model.py:3  Mine(2, 3): subclass of LSTM\n" in text


def test_square_brackets_are_text():
    assert "policy [bold]" in shown(Outcome("policy [bold]", 0, "none", SUMMARY))


def test_infinite_gradients_are_told():
    some = Summary(steps=3, seconds=1.0, norm_before=2.0, norm_after=1.0, nonfinite=1)
    assert "2 before clipping, 1 after (mean); infinite or NaN 1 times" in shown(
        outcome([layer()], summary=some)
    )
    none = Summary(steps=3, seconds=1.0, nonfinite=3)
    assert "  gradient norm  infinite or NaN 3 times\n" in shown(outcome([layer()], summary=none))


def test_run_without_effect_says_so_last():
    text = shown(outcome([], summary=Summary(steps=0, seconds=0.1)))
    assert "janet, 0 layers swapped" in text
    assert "loss" not in text
    assert "gradient norm" not in text
    assert text.splitlines()[-2:] == [
        "nothing was swapped: the script constructed no torch.nn.LSTM",
        "nothing was trained: the script made no optimizer step",
    ]


def test_what_child_processes_did_is_told_apart():
    child = dataclasses.replace(SUMMARY, steps=100, clipped_steps=30)
    ran = outcome([layer()])
    assert "children" not in shown(dataclasses.replace(ran, children=[Summary(0, 0.0)]))
    text = shown(dataclasses.replace(ran, children=[child, child]))
    assert "  children       2 processes made 200 steps, norm:1.0 acted in 60 (30.0%)\n" in text
    text = shown(dataclasses.replace(ran, policy="none", children=[child]))
    assert "  children       1 process made 100 steps\n" in text


def test_steps_of_children_are_an_effect():
    alone = outcome([layer()], summary=Summary(0, 1.0))
    assert alone.without_effect()
    assert not dataclasses.replace(alone, children=[SUMMARY]).without_effect()


@pytest.mark.parametrize("policy", ["norm:1.0", "percentile:10.0", "zclip:2.5", "none;*=norm:1.0"])
def test_bound_that_is_each_optimizer_s_own_is_said(policy):
    two = dataclasses.replace(SUMMARY, optimizers=2)
    text = shown(outcome([layer()], summary=two, policy=policy, bounds_total=True))
    words = f"{policy}, each optimizer's own norm (2 optimizers), acted in 123 of 1,500 steps"
    assert words in text
    one = dataclasses.replace(SUMMARY, optimizers=1)
    assert "own norm" not in shown(
        outcome([layer()], summary=one, policy=policy, bounds_total=True)
    )
    assert "own norm" not in shown(outcome([layer()], summary=two, policy="value:1.0"))
