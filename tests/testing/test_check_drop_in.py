"""`check_drop_in`: torch's own classes pass the contract, ours pass everything."""

import functools
import importlib.util
import os
import subprocess
import sys
import warnings

import pytest
import torch
from cases import CELLS, OWN_CELLS
from mutants import Broken, Looping, Raising, UnusedParameter
from torch import nn

import rnnswap
from rnnswap.discovery import get_cell, installed
from rnnswap.spec import load_target
from rnnswap.testing import CheckResult, check_drop_in
from rnnswap.testing._checks import CHECKS, FULL

SINGLE_STEPS = sorted(
    {e.spec.cell_target for e in installed().cells if e.spec.cell_target is not None}
)


def named(report, name):
    (found,) = [r for r in report.results if r.name == name]
    return found


@pytest.mark.parametrize("name", CELLS)
def test_every_registered_cell_passes_the_quick_contract(name):
    report = check_drop_in(get_cell(name))
    assert report.passed, str(report)
    assert report.counts["contract"] == {"passed": len(report.results) - 7}
    assert sum(report.counts["beyond"].values()) == 7
    if name in OWN_CELLS:
        assert report.counts["beyond"] == {"passed": 7}, str(report)


@pytest.mark.parametrize("target", SINGLE_STEPS)
def test_every_registered_single_step_class_passes_the_quick_contract(target):
    report = check_drop_in(load_target(target))
    assert report.reference == "nn.LSTMCell"
    assert report.passed, str(report)
    assert set(report.counts["contract"]) == {"passed"}


@functools.cache
def full_report(name):
    return check_drop_in(get_cell(name), level="full")


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_every_registered_cell_passes_the_full_contract(name):
    report = full_report(name)
    assert report.passed, str(report)
    assert set(report.counts["contract"]) == {"passed"}, str(report)
    left = {(r.status, r.detail) for r in report.results if r.group == "beyond"} - {("passed", "")}
    if name in OWN_CELLS:
        assert left <= {("skipped", "no CUDA device")}, str(report)


@pytest.mark.slow
def test_nn_lstm_itself_cannot_do_what_is_called_beyond():
    report = full_report("lstm")
    beyond = {r.name: r.status for r in report.results if r.group == "beyond"}
    assert beyond.pop("gradgradcheck-on-gpu") in ("skipped", "cannot")
    # Processors with low precision kernels can.
    assert beyond.pop("autocast-on-this-processor") in ("passed", "cannot")
    assert set(beyond.values()) == {"cannot"}, str(report)
    assert {"compiled", "compiled-size", "exported", "new-memory", "onnx", "vmap"} <= set(beyond)
    assert "nn.LSTM cannot  onnx" in str(report)


@pytest.mark.slow
@pytest.mark.parametrize("target", SINGLE_STEPS)
def test_every_registered_single_step_class_passes_the_full_contract(target):
    report = check_drop_in(load_target(target), level="full")
    assert set(report.counts["contract"]) == {"passed"}, str(report)


OPTIONS = [
    ("janet", {"layer_norm": True}),
    ("janet", {"zoneout": 0.3, "input_dropout": 0.3}),
    ("indrnn", {"nonlinearity": "tanh", "recurrent_max": 0.5, "layer_norm": True}),
    ("indrnn-v2", {"batch_norm": True, "residual": True}),
]


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_options_are_handed_to_every_construction(name, options):
    report = check_drop_in(get_cell(name), **options)
    assert report.passed, str(report)
    for key, value in options.items():
        assert f"{key}={value!r}" in report.subject


def test_a_plain_recurrent_layer_of_a_stranger_passes():
    report = check_drop_in(Looping)
    assert report.passed, str(report)
    assert report.counts["beyond"] == {"passed": 7}


def test_nothing_else_is_checked_when_the_plain_call_fails():
    report = check_drop_in(Broken)
    assert [(r.name, r.status) for r in report.results] == [("plain-call", "failed")]
    assert report.results[0].detail == "RuntimeError: broken"


class Refusing(nn.LSTM):
    """Declares that it cannot project, and says so clearly."""

    unsupported = frozenset({"proj_size"})

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.proj_size:
            raise rnnswap.UnsupportedError("Refusing does not support proj_size")


class Mumbling(Refusing):
    """Declares the same, and fails somewhere inside."""

    def __init__(self, *args, **kwargs):
        nn.LSTM.__init__(self, *args, **kwargs)
        if self.proj_size:
            raise AssertionError


def test_what_a_class_declares_as_unsupported_must_be_refused():
    report = check_drop_in(Refusing)
    assert report.passed, str(report)
    replaced = {r.name for r in report.results if r.status == "declared-unsupported"}
    assert replaced == {"proj-size-argument", "projection-mistakes", "autocast"}
    assert named(report, "proj-size-argument").detail == "proj_size: refused at construction"


@pytest.mark.parametrize("cls", [Mumbling, nn.LSTM])
def test_declared_but_not_refused_in_one_sentence_fails(cls):
    report = check_drop_in(cls, unsupported={"proj_size"})
    found = "AssertionError" if cls is Mumbling else "no error"
    expected = f"expected one sentence of UnsupportedError for proj_size=2, got {found}"
    assert named(report, "proj-size-argument").detail == expected
    assert not report.passed


def test_undeclared_it_is_a_failure():
    report = check_drop_in(Refusing, unsupported=())
    assert named(report, "proj-size-argument").status == "failed"


def test_the_registry_declares_for_a_registered_class(monkeypatch):
    record = rnnswap.CellSpec("odd", f"{__name__}:Refusing", unsupported={"bias"})
    registry = rnnswap.registry.Registry("cell")
    registry.add(record, rnnswap.registry.Provider("acme", "1", "odd"))
    monkeypatch.setattr(installed(), "cells", registry)
    report = check_drop_in(Refusing)
    assert named(report, "bias-argument").detail.endswith("for bias=False, got no error")
    assert named(report, "proj-size-argument").status == "declared-unsupported"


def test_nothing_global_is_left_behind():
    torch.manual_seed(7)
    torch.set_default_dtype(torch.float64)
    filters = list(warnings.filters)
    before = torch.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype()
    try:
        with torch.no_grad():
            report = check_drop_in(nn.LSTM)
            assert not torch.is_grad_enabled()
        assert report.passed
        after = torch.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype()
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert warnings.filters == filters


def test_two_runs_are_the_same():
    assert check_drop_in(nn.LSTMCell) == check_drop_in(nn.LSTMCell)


def test_misuse_is_refused():
    with pytest.raises(rnnswap.OptionError, match="level must be quick or full, got 'fast'"):
        check_drop_in(nn.LSTM, level="fast")
    with pytest.raises(TypeError, match="cls must be a torch.nn.Module class, got LSTM"):
        check_drop_in(nn.LSTM(3, 4))


def test_results_are_frozen_records():
    result = check_drop_in(Broken).results[0]
    assert isinstance(result, CheckResult)
    with pytest.raises(AttributeError):
        result.status = "passed"


def only(monkeypatch, *names):
    """Leave of all checks those named."""
    monkeypatch.setattr("rnnswap.testing._running.CHECKS", [c for c in CHECKS if c.name in names])


def test_onnx_is_skipped_where_it_is_not_installed(monkeypatch):
    only(monkeypatch, "plain-call", "onnx")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "onnxruntime" else find(name)
    )
    found = named(check_drop_in(get_cell("janet"), level="full"), "onnx")
    assert (found.status, found.detail) == ("skipped", "not installed: onnxruntime")


def test_processes_are_skipped_for_a_class_that_they_cannot_import(monkeypatch):
    class Inside(nn.LSTM):
        pass

    only(monkeypatch, "plain-call", "ddp", "fsdp", "pickled")
    report = check_drop_in(Inside, level="full")
    assert [r.status for r in report.results] == ["passed", "skipped", "skipped", "skipped"]
    assert "cannot import" in named(report, "ddp").detail
    assert "inside a function" in named(report, "pickled").detail


def test_a_module_that_only_this_process_has_is_skipped(monkeypatch):
    only(monkeypatch, "plain-call", "ddp")
    monkeypatch.setitem(sys.modules, "made_up", sys.modules[UnusedParameter.__module__])
    monkeypatch.setattr(UnusedParameter, "__module__", "made_up")
    found = named(check_drop_in(UnusedParameter, level="full"), "ddp")
    assert found.status == "skipped"
    assert "cannot import made_up.UnusedParameter: ModuleNotFoundError" in found.detail


def test_needs_torch_and_nothing_else():
    code = (
        "import sys\n"
        "for name in ('pytest', 'hypothesis', 'onnx', 'onnxscript', 'onnxruntime'):\n"
        "    sys.modules[name] = None\n"
        "import torch\n"
        "from rnnswap.testing import check_drop_in\n"
        "assert check_drop_in(torch.nn.LSTMCell).passed\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=environment)


def test_every_check_says_in_one_line_what_it_checks():
    for check in CHECKS:
        assert 10 < len(check.summary) < 110, check.name
        assert not check.summary.endswith("."), check.name
    for kind in ("layer", "cell"):
        names = [c.name for c in CHECKS if c.kind == kind]
        assert len(names) == len(set(names))
        assert any(c.level == FULL for c in CHECKS if c.kind == kind)


class Amplifying(Looping):
    """A parameter's gradient is off by more than rounding in float32 alone."""

    def step(self, gates_x, state, weights):
        (h,) = super().step(gates_x, state, weights)
        return (h if h.dtype == torch.float64 else h * (1 + 1e-4),)


def test_rounding_that_is_declared_is_told_and_not_failed():
    undeclared = check_drop_in(Amplifying)
    assert "float32" in {r.name for r in undeclared.failures}
    report = check_drop_in(Amplifying, unsupported={"rounding"})
    (told,) = [r for r in report.results if r.name == "float32"]
    assert told.status == "declared-unsupported"
    assert told.detail.startswith("rounding: its dynamics amplify rounding errors: ")
    assert "packed-sorted" in {r.name for r in report.results if r.status == "passed"}


def test_an_error_is_no_rounding():
    report = check_drop_in(Raising, unsupported={"rounding"})
    assert "float16" in {r.name for r in report.failures}


def test_a_step_in_a_loop_declares_what_a_trace_of_it_cannot():
    class Step(Looping):
        pass

    class Whole(Step):
        def run_steps(self, gates_x, state, weights, lengths, reverse):
            return super().run_steps(gates_x, state, weights, lengths, reverse)

    assert Step.unsupported == {"traced-length"}
    assert Whole.unsupported == frozenset()
