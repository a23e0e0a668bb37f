"""Clipping put into training loops: what it does when it runs, and what is refused."""

import ast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnswap import discovery, rewrite_source
from rnnswap.clip import ClipPolicy, ClipResult
from rnnswap.errors import ClipError, OptionError, RewriteError, UnknownNameError
from rnnswap.patch.source import codes
from rnnswap.patch.source.clip.policy import make_clipping
from rnnswap.patch.source.plan import make_plan
from rnnswap.patch.source.rewrite import find, rewrite
from rnnswap.registry import Provider
from rnnswap.spec import ClipSpec

PLAIN = """
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
for _ in range(3):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
"""
GROUPS = PLAIN.replace("model.parameters()", '[{"params": model.parameters()}]')
HELPER = """
import torch


class Trainer:
    def __init__(self):
        self.model = model
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1.0)

    def run(self):
        for _ in range(3):
            loss(self.model).backward()
            self.step()

    def step(self):
        self.optimizer.step()
        self.optimizer.zero_grad()


Trainer().run()
"""
CLOSURE = """
import torch


def train(net):
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)

    def closure():
        optimizer.zero_grad()
        value = loss(net)
        if value.requires_grad:
            value.backward()
        return value

    for _ in range(3):
        optimizer.step(closure)


train(model)
"""
SCALER = """
import torch

scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
for _ in range(3):
    optimizer.zero_grad()
    scaler.scale(loss(model)).backward()
    scaler.step(optimizer)
    scaler.update()
"""
ACCUMULATION = """
import torch.optim

optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
for i in range(6):
    (loss(model) / 2).backward()
    if i % 2: optimizer.step(); optimizer.zero_grad()
"""
UNSCALED = SCALER.replace("    scaler.step", "    scaler.unscale_(optimizer)\n    scaler.step")
VALUES = """
import torch

optimizers = {"only": torch.optim.SGD(model.parameters(), lr=1.0)}
for i in range(6):
    loss(model).backward()
    if i % 2:
        model.zero_grad()
        continue
    for one in optimizers.values():
        one.step()
    model.zero_grad()
"""
LOOPS = [PLAIN, GROUPS, HELPER, CLOSURE, SCALER, UNSCALED, ACCUMULATION]


def trained(text, slope=100.0):
    """Run a script whose loss has the gradient `slope` in its only weight; return the weight."""
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    names = {"model": model, "loss": lambda m: m.weight.sum() * slope}
    exec(compile(text, "train.py", "exec"), names)
    return model.weight.item()


@pytest.mark.parametrize("text", [*LOOPS, VALUES])
@pytest.mark.parametrize("clip", ["norm:0.5", "value:0.5"])
def test_every_step_moves_by_the_bound(text, clip):
    assert trained(text) == pytest.approx(-300.0)
    clipped, findings = rewrite_source(text, clip=clip)
    assert [finding.code for finding in findings] == [codes.CLIPPED]
    assert trained(clipped) == pytest.approx(-1.5, rel=1e-4)
    assert trained(clipped, slope=0.25) == pytest.approx(-0.75)


#: Before some of these steps no parameter, or not every one, has a gradient.
WITHOUT = {
    "turns": """
import torch

other = torch.nn.Linear(1, 1)
first = torch.optim.SGD(model.parameters(), lr=1.0)
second = torch.optim.SGD(other.parameters(), lr=1.0)
for i in range(4):
    first.zero_grad(); second.zero_grad()
    (loss(model) if i % 2 else other(torch.ones(1, 1)).sum()).backward()
    first.step()
    second.step()
""",
    "one loop for two": """
import torch

other = torch.nn.Linear(1, 1)
optimizers = [torch.optim.SGD(m.parameters(), lr=1.0) for m in (model, other)]
for i in range(4):
    loss(model).backward()
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
""",
    "a step too early": PLAIN.replace(
        "loss(model).backward()\n    optimizer.step()", "optimizer.step()"
    )
    + "    loss(model).backward()\n",
    "backward now and then": PLAIN.replace("    loss", "    if _ == 1:\n        loss"),
    "no backward in a loop": PLAIN.replace("    loss", "    for _ in ():\n        loss"),
    "cleared again": PLAIN.replace(
        "    optimizer.step", "    optimizer.zero_grad()\n    optimizer.step"
    ),
    "set to nothing": PLAIN.replace(
        "    optimizer.step", "    model.weight.grad = None\n    optimizer.step"
    ),
    "backward that fails": PLAIN.replace(
        "    loss(model).backward()",
        "    try:\n        loss(None).backward()\n    except AttributeError:\n        pass",
    ),
    "in a method": HELPER.replace("loss(self.model).backward()", "pass"),
    "groups": GROUPS.replace("    loss", "    if _ == 1:\n        loss"),
    "closure": CLOSURE.replace("if value.requires_grad:", "if value > 1e9:"),
    "some of them": PLAIN.replace(
        "optimizer =", "model.unused = torch.nn.Linear(1, 1)\noptimizer ="
    ),
}


@pytest.mark.parametrize(
    "clip",
    [
        *("norm:0.5", "norm:0.5,p=inf", "value:0.5", "range:-0.5,0.5", "hook:-0.5,0.5"),
        *("layer-norm:0.5", "agc:0.01", "percentile:10", "zclip:2.5"),
    ],
)
@pytest.mark.parametrize("text", WITHOUT.values(), ids=WITHOUT)
def test_a_step_without_gradients_runs_as_before(text, clip):
    before = trained(text)
    clipped, findings = rewrite_source(text, clip=clip)
    if codes.NOT_CLIPPED not in {finding.code for finding in findings}:
        assert clipped != text
    after = trained(clipped)
    # It moves, by no more, where it moved.
    assert (after == 0) == (before == 0)
    assert abs(after) <= abs(before)
    assert rewrite_source(clipped, clip=clip)[0] == clipped


@pytest.mark.parametrize("text", [PLAIN, GROUPS, HELPER, CLOSURE])
def test_a_hook_bounds_each_backward(text):
    clipped, findings = rewrite_source(text, clip="hook:-0.1,0.5")
    assert [finding.code for finding in findings] == [codes.CLIPPED]
    assert trained(clipped) == pytest.approx(-1.5)
    assert trained(clipped, slope=-100.0) == pytest.approx(0.3)


class Halving(ClipPolicy):
    def __init__(self, factor):
        self.factor = factor

    def clip_(self, parameters):
        for parameter in parameters:
            parameter.grad.mul_(self.factor)
        norm = torch.zeros(())
        return ClipResult(norm, norm, norm)

    def __str__(self):
        return f"halving:{self.factor}"


@pytest.fixture
def halving(monkeypatch):
    import sys
    import types

    module = types.ModuleType("halving_policy")
    module.Halving = Halving
    monkeypatch.setitem(sys.modules, "halving_policy", module)
    plugins = discovery.discover()
    spec = ClipSpec(name="halving", target="halving_policy:Halving", numbers=("factor",))
    plugins.policies.add(spec, Provider("halving", "1.0", "halving"))
    for place in (discovery, sys.modules["rnnswap.clip._parse"]):
        monkeypatch.setattr(place, "installed", lambda: plugins)


@pytest.mark.parametrize("text", LOOPS)
def test_a_policy_without_a_function_of_torch_is_attached(halving, text):
    clipped, findings = rewrite_source(text, clip="halving:0.5")
    assert 'rnnswap.clip.attach("halving:0.5", ' in clipped
    assert [finding.code for finding in findings] == [codes.CLIPPED]
    assert trained(clipped) == pytest.approx(-150.0)


@pytest.mark.parametrize(
    ("clip", "error", "message"),
    [
        ("nrom:1", UnknownNameError, "unknown clipping policy 'nrom'.*did you mean 'norm'"),
        ("norm", ClipError, "norm takes 1 number, got 0"),
        ("norm:1,q=2", OptionError, "has no option 'q'"),
        ("norm:-1", ClipError, "norm.*: max_norm must be greater than 0, got -1.0"),
        ("norm:1,p=0", OptionError, "option p must be greater than 0, got 0.0"),
        ("value:0", ClipError, "value.*: limit must be greater than 0, got 0.0"),
        ("hook:1,2", ClipError, "hook.*: low must be at most 0, got 1.0"),
        ("hook:-1", ClipError, "hook takes 2 numbers, got 1"),
    ],
)
def test_a_bad_policy_is_refused_whatever_the_text(clip, error, message):
    with pytest.raises(error, match=message):
        rewrite_source("", clip=clip)


@pytest.mark.parametrize("clip", ["norm:1.0", "norm:2,p=inf", "value:0.5", "hook:-1,1"])
def test_bounds_that_are_refused_are_those_that_the_policies_refuse(clip):
    from rnnswap.clip import parse

    written = make_clipping(clip)
    assert parse(written.text) == parse(clip)


def test_none_puts_nothing_in():
    assert make_plan(clip="none").clipping is None
    assert rewrite_source(PLAIN, clip="none") == (PLAIN, [])


def test_a_loop_without_an_lstm_needs_no_libcst():
    import subprocess
    import sys

    code = (
        f"import sys, rnnswap; rnnswap.rewrite_source({PLAIN!r}, clip='norm:1'); "
        "print([m for m in ('torch', 'libcst') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_places_are_those_of_the_text_that_was_given():
    text = f"{PLAIN}x = 1; optimizer.step(); rnn = torch.nn.LSTM(1, 2)\ny = torch.nn.LSTM(1, 2)\n"
    _, findings = rewrite_source(text, clip="norm:1.0")
    lines = text.split("\n")
    at = {f.code: lines[f.line - 1][f.column - 1 :] for f in findings}
    assert at[codes.CLIPPED].startswith("optimizer.step()")
    starts = [lines[f.line - 1][f.column - 1 :] for f in findings if f.code == codes.CALL]
    assert starts == ["torch.nn.LSTM(1, 2)"] * 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("optimizer.step()\rx = 1\n", "has line endings that cannot be reproduced"),
        ("def f(:\n    optimizer.step()\n", "cannot be parsed as Python 3"),
        ("optimizer.step(); from __future__ import annotations\n", "before one from __future__"),
    ],
)
def test_what_cannot_be_kept_as_it_is_is_refused(text, reason):
    with pytest.raises(RewriteError, match=reason):
        rewrite_source(text, clip="norm:1.0")


HEADERS = [
    "import torch\n",
    "from torch import nn, optim\n",
    "'''Doc.'''\nimport os; import sys\n",
    "",
]
MADE = [
    "opt = torch.optim.Adam(net.parameters())",
    "opt = make(net)",
    "self.opt = optim.SGD([{'params': a.parameters()}], lr=0.1)  # groups",
    "opt, sched = build()",
    "opt = torch.optim.LBFGS(net.parameters()); x = 1",
]
STEPS = [
    "opt.step()",
    "self.opt.step()  # ü",
    "scaler.step(opt)",
    "scaler.unscale_(opt); scaler.step(opt)",
    "if ready: opt.step(); opt.zero_grad()",
    "opt.step(closure)",
    "accelerator.backward(loss)\nopt.step()",
    "loss.backward(); opt.step()",
    "sched.step()",
    "[o.step() for o in (opt,)]",
    "torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)",
    "x = '''\nopt.step()\n'''",
    "def closure():\n    loss.backward()\n    return loss",
]
WRAPPERS = ["{}", "def train(opt, loss):\n{}", "class A:\n def f(self):\n{}", "for x in y:\n{}"]


def _indented(text, unit):
    return "\n".join(unit + line for line in text.split("\n"))


@st.composite
def loops(draw):
    parts = [draw(st.sampled_from(HEADERS)), *draw(st.lists(st.sampled_from(MADE), max_size=2))]
    for _ in range(draw(st.integers(1, 3))):
        body = "\n".join(draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=4)))
        wrapper = draw(st.sampled_from(WRAPPERS))
        unit = draw(st.sampled_from(["  ", "    ", "\t\t"])) if wrapper != "{}" else ""
        parts.append(wrapper.format(_indented(body, unit)))
    text = "\n".join(parts) + draw(st.sampled_from(["", "\n"]))
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@given(loops(), st.sampled_from(["norm:1.0", "value:0.5", "hook:-1,1", "norm:2,p=inf"]))
def test_clipping_twice_is_clipping_once(text, clip):
    try:
        ast.parse(text)
    except SyntaxError:
        return
    plan = make_plan(clip=clip)
    once, findings = rewrite(text, plan, "m.py")
    assert find(text, plan, "m.py") == findings
    assert (once != text) == any(finding.code == codes.CLIPPED for finding in findings)
    twice, again = rewrite(once, plan, "m.py")
    assert twice == once
    assert not [finding for finding in again if finding.code == codes.CLIPPED]
