"""All layers of torchrecurrent, as somebody who installed the plugin meets them."""

import copy
import inspect
import json
import os
import pickle
import subprocess
import sys

import pytest
import rnnswap_torchrecurrent
import torch
import torchrecurrent
from rnnswap_torchrecurrent._layer import _name
from rnnswap_torchrecurrent._names import DECLARED, OPTIONS, READ_LAST, UNSUPPORTED
from rnnswap_torchrecurrent._roots import DoubleApart, root_of

import rnnswap
from rnnswap.testing import check_drop_in

NAMES = sorted(OPTIONS)
FULL = ["MGU", "UGRNN", "PeepholeLSTM"]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def test_every_layer_is_registered_by_this_distribution():
    from rnnswap.discovery import installed

    layers = [n for n in torchrecurrent.__all__ if not n.endswith("Cell")]
    assert sorted(layers) == NAMES
    for name in NAMES:
        entry = installed().cells.get(f"tr-{name.lower()}")
        assert entry.provider.distribution == "rnnswap-torchrecurrent"


def test_the_plugin_module_imports_no_torch():
    code = "import sys, rnnswap_torchrecurrent.plugin; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", NAMES)
def test_the_table_says_what_the_package_has(name):
    cell = getattr(torchrecurrent, f"{name}Cell")
    usual = ("input_size", "hidden_size", "device", "dtype")
    found = {
        key: parameter.default
        for key, parameter in inspect.signature(cell).parameters.items()
        if key not in usual and not key.endswith(("bias", "_init"))
    }
    assert found == OPTIONS[name]
    root = root_of(cell)
    assert root.reads_last == (name in READ_LAST)
    program = getattr(rnnswap_torchrecurrent, name)(3, 3)._program
    whole = root.states == 2 and (program.multiplied_by_h is None or root is DoubleApart)
    assert UNSUPPORTED.get(name, set()) == ({"proj_size"} if whole else set())


def twins(name, layers=1, **options):
    """torchrecurrent's own layer and ours with the same numbers, in float64."""
    biases = {
        key: True
        for key in inspect.signature(getattr(torchrecurrent, f"{name}Cell")).parameters
        if key.endswith("bias")
    }
    theirs = getattr(torchrecurrent, name)(4, 4, layers, **biases, **options).double()
    ours = getattr(rnnswap_torchrecurrent, name)(4, 4, layers, **options).double()
    with torch.no_grad():
        for layer, cell in enumerate(theirs.cells):
            for key, value in cell.named_parameters():
                if "bias" in key:
                    value.normal_()
                target = getattr(ours, f"{_name(key)}_l{layer}")
                target.copy_(value.reshape(target.shape))
    return theirs, ours


@pytest.mark.parametrize("name", NAMES)
def test_numbers_and_gradients_are_those_of_the_package(name):
    theirs, ours = twins(name, 2)
    x = torch.randn(6, 3, 4, dtype=torch.float64, requires_grad=True)
    found = []
    for layer in (theirs, ours):
        output = layer(x)[0]
        found.append([output, *torch.autograd.grad(output.square().sum(), x)])
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["coRNN", "SGU", "JANET", "MiRU1"])
def test_options_reach_the_cell(name):
    changed = {k: 0.25 if isinstance(v, float) else "relu" for k, v in OPTIONS[name].items()}
    theirs, ours = twins(name, **changed)
    x = torch.randn(6, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(ours(x)[0], theirs(x)[0], rtol=1e-9, atol=1e-11)
    assert all(f"{key}=" in repr(ours) for key in changed)


def test_copies_compute_the_same_and_pickles_hold_no_recorded_code():
    layer = rnnswap_torchrecurrent.MGU(3, 4, gate_nonlinearity="hard_sigmoid")
    x = torch.randn(5, 2, 3)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin(x)[0], layer(x)[0])
    assert b"GraphModule" not in pickle.dumps(layer)


def test_bad_options_are_refused():
    with pytest.raises(rnnswap.OptionError, match="MGU: Unknown activation 'nope'"):
        rnnswap_torchrecurrent.MGU(3, 4, nonlinearity="nope")
    with pytest.raises(rnnswap.UnsupportedError, match="LEM does not support proj_size"):
        rnnswap_torchrecurrent.LEM(3, 4, proj_size=2)
    with pytest.raises(rnnswap.UnsupportedError, match="MGU does not support layer_norm"):
        rnnswap_torchrecurrent.MGU(3, 4, layer_norm=True)
    with pytest.raises(AttributeError, match="has no attribute 'GRU'"):
        rnnswap_torchrecurrent.GRU  # noqa: B018


#: Prints what failed, by layer, of those it is given as NAME:LEVEL.
CODE = """
import json, sys, torch, rnnswap_torchrecurrent
from rnnswap.testing import check_drop_in
torch.set_num_threads(1)
found = {}
for task in sys.argv[1:]:
    name, level = task.split(":")
    report = check_drop_in(getattr(rnnswap_torchrecurrent, name), level=level)
    found[name] = {result.name: result.detail for result in report.failures}
print(json.dumps(found))
"""


@pytest.mark.timeout(900)
def test_every_layer_stands_where_nn_lstm_stands():
    tasks = [f"{name}:{'full' if name in FULL else 'quick'}" for name in NAMES]
    tasks.sort(key=lambda task: task.endswith("quick"))  # the long ones to different processes
    count = os.cpu_count() or 1
    started = [
        subprocess.Popen([sys.executable, "-c", CODE, *tasks[k::count]], stdout=subprocess.PIPE)
        for k in range(count)
    ]
    found = {}
    for process in started:
        found |= json.loads(process.communicate()[0])
    assert sorted(found) == NAMES
    assert {name: failed for name, failed in found.items() if failed} == {}


def test_what_is_declared_says_why():
    for name, lacks in DECLARED.items():
        assert lacks <= getattr(rnnswap_torchrecurrent, name).unsupported
    report = check_drop_in(rnnswap_torchrecurrent.DSGU)
    told = {r.name: r.detail for r in report.results if r.status == "declared-unsupported"}
    reason = "second-derivatives: torch has none of an operation of the cell"
    assert told == {"gradgradcheck": reason}


# Dynamo, of tensors computed before the scan operator that its step reads.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")  # torch's own
@pytest.mark.parametrize("name", ["MGU", "TGRU"])  # weights in parts; reads the input before
def test_an_export_is_right_at_another_length_and_batch(name):
    layer = getattr(rnnswap_torchrecurrent, name)(3, 5)
    t, b = (torch.export.Dim(dimension, min=2) for dimension in "TB")
    exported = torch.export.export(layer, (torch.randn(4, 2, 3),), dynamic_shapes=({0: t, 1: b},))
    x = torch.randn(7, 3, 3)
    torch.testing.assert_close(exported.module()(x)[0], layer(x)[0])


FIRST = """
import contextlib, sys
import torch
import rnnswap
from torch.utils.flop_counter import FlopCounterMode

class Counting(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))

surroundings = {
    "seed": contextlib.nullcontext,
    "meta": lambda: torch.device("meta"),
    "float64": contextlib.nullcontext,
    "inference": torch.inference_mode,
    "no_grad": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "mode": Counting,
    "dispatch": lambda: FlopCounterMode(display=False),
    "fake": torch._subclasses.FakeTensorMode,
}
which, names = sys.argv[1], sys.argv[2:]
if which == "float64":
    torch.set_default_dtype(torch.float64)
for name in names:
    kind = rnnswap.get_cell(name)
    torch.manual_seed(0)
    with surroundings[which]():
        first = kind(4, 5, dtype=torch.float32)
    after = torch.get_rng_state()
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    second = kind(4, 5)
    if which == "meta":
        assert {p.device.type for p in first.parameters()} == {"meta"}
        torch.manual_seed(0)
        assert torch.equal(after, torch.get_rng_state()), name
    elif which != "fake":
        for p, q in zip(first.parameters(), second.parameters(), strict=True):
            assert torch.equal(p, q), name
    second(torch.randn(3, 2, 4))[0].sum().backward()
    if which == "float64":
        torch.set_default_dtype(torch.float64)
"""


@pytest.mark.parametrize(
    "which",
    ["seed", "meta", "float64", "inference", "no_grad", "autocast", "mode", "dispatch", "fake"],
)
def test_the_first_layer_of_a_kind_is_as_the_later_ones_whatever_surrounds_it(which):
    names = NAMES if which in ("seed", "meta") else FULL
    names = [f"tr-{name.lower()}" for name in names]
    done = subprocess.run(
        [sys.executable, "-c", FIRST, which, *names], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
