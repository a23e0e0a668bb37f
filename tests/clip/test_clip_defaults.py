"""Clipping where torch's default device or type is not the parameters'."""

import subprocess
import sys
import warnings

import pytest
import torch
from policies import POLICIES
from torch import nn

from rnnswap.clip import attach, parse

RULES = "norm:1.0;weight=hook:-0.1,0.1;*=agc:0.01"
#: What makes parameters that do not have the defaults' type or device.
DEFAULTS = {
    "meta": lambda: torch.set_default_device("meta"),
    "float64": lambda: torch.set_default_dtype(torch.float64),
    "bfloat16": lambda: torch.set_default_dtype(torch.bfloat16),
}


@pytest.fixture
def defaults():
    yield DEFAULTS
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)


def bounded(policy, *, dtypes, measure, made=lambda: None):
    """Make three steps, one not finite, and one from a checkpoint; return what was left."""
    cpu = torch.device("cpu")
    model = nn.Linear(4, 3, device=cpu, dtype=dtypes[0])
    with torch.no_grad():
        model.weight.fill_(0.5)
        model.bias = nn.Parameter(torch.full((3,), 0.25, dtype=dtypes[1], device=cpu))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    made()
    handle = attach(policy, optimizer, measure=measure, model=model)
    left = []
    for size in (30.0, torch.nan, 0.5, 60.0):
        optimizer.zero_grad()
        sum((size * p.double()).sum() for p in model.parameters()).backward()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of the step that is not finite
            optimizer.step()
        left += [p.grad.clone() for p in model.parameters()]
        optimizer.load_state_dict(optimizer.state_dict())
    if measure:
        left += [handle.last.norm_before, handle.last.norm_after, handle.last.share]
    return left


@pytest.mark.parametrize("default", DEFAULTS)
@pytest.mark.parametrize("measure", [True, False])
@pytest.mark.parametrize(
    "dtypes",
    [(torch.float32, torch.float32), (torch.float64, torch.float32), (torch.bfloat16,) * 2],
    ids=["float32", "both", "bfloat16"],
)
@pytest.mark.parametrize("policy", [*POLICIES.values(), RULES])
def test_what_is_done_does_not_depend_on_defaults(policy, dtypes, measure, default, defaults):
    expected = bounded(policy, dtypes=dtypes, measure=measure)
    got = bounded(policy, dtypes=dtypes, measure=measure, made=defaults[default])
    # Types and devices are compared as well.
    torch.testing.assert_close(got, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("policy", ["zclip:2.5", "percentile:10.0"])
def test_statistics_of_plain_numbers_are_loaded_beside_the_gradients(policy, defaults):
    made = parse(policy)
    state = {key: 3 if key == "count" else value for key, value in made.state_dict().items()}
    defaults["meta"]()
    made.load_state_dict(state)
    assert made.state_dict()["count"].device.type == "cpu"
    assert made.state_dict()["count"] == 3


def test_a_script_whose_default_device_is_another_is_clipped(tmp_path):
    """In a process of its own: an address on another device ends it."""
    script = tmp_path / "s.py"
    script.write_text(
        "import torch\n"
        "model = torch.nn.Linear(4, 2)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.0)\n"
        "x = torch.ones(5, 4)\n"
        "with torch.device('meta'):\n"
        "    model(x).sum().mul(100).backward()\n"
        "    optimizer.step()\n"
        "print(model.weight.grad.abs().max().item())\n"
    )
    command = [sys.executable, "-m", "rnnswap", "train", "--clip", "value:0.5", str(script)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "0.5\n"), done.stderr
