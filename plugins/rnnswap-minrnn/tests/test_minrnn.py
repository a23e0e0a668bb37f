"""minGRU and minLSTM, as somebody who installed the plugin meets them."""

import subprocess
import sys

import hypothesis
import hypothesis.strategies as st
import pytest
import torch
from rnnswap_minrnn._recurrence import blocks_pay, by_blocks, by_loop, linear_recurrence

import rnnswap
from rnnswap.testing import check_drop_in

CELLS = ["mingru", "minlstm"]
hypothesis.settings.register_profile("plugin", deadline=None, max_examples=25)
hypothesis.settings.load_profile("plugin")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def test_both_are_registered_by_this_distribution():
    from rnnswap.discovery import installed

    for name in CELLS:
        assert installed().cells.get(name).provider.distribution == "rnnswap-minrnn"


def test_the_plugin_module_imports_no_torch():
    code = "import sys, rnnswap_minrnn.plugin; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("options", [{}, {"candidate": "positive"}], ids=str)
def test_stands_where_nn_lstm_stands(name, options):
    level = "quick" if options else "full"
    report = check_drop_in(rnnswap.get_cell(name), level=level, **options)
    assert report.passed, str(report)


def by_hand(layer, x, h):
    """The papers' equations, one step after the other, in the order of the rows."""
    gates = x @ layer.weight_ih_l0.t() + layer.bias_ih_l0 + layer.bias_hh_l0
    states = []
    for now in gates:
        *raw, value = now.chunk(layer.gates, -1)
        first, *second = (torch.sigmoid(r) for r in raw)
        if layer.candidate == "positive":
            value = torch.where(value >= 0, value + 0.5, torch.sigmoid(value))
        if second:  # minLSTM: forget, input
            total = first + second[0]
            h = first / total * h + second[0] / total * value
        else:
            h = (1 - first) * h + first * value
        states.append(h)
    return torch.stack(states)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("candidate", ["linear", "positive"])
def test_the_equations(name, candidate):
    layer = rnnswap.get_cell(name)(3, 4, candidate=candidate, dtype=torch.float64)
    x, h = torch.randn(7, 2, 3, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    output, (h_n, _) = layer(x, (h.unsqueeze(0), torch.zeros_like(h).unsqueeze(0)))
    torch.testing.assert_close(output, by_hand(layer, x, h), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(h_n[0], output[-1], rtol=0, atol=0)


@hypothesis.given(
    name=st.sampled_from(CELLS),
    candidate=st.sampled_from(["linear", "positive"]),
    steps=st.integers(2, 150),
    data=st.data(),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_whole_chunks_and_steps_are_the_same_for_states_of_any_sign(
    name, candidate, steps, data, scale
):
    layer = rnnswap.get_cell(name)(3, 4, num_layers=2, candidate=candidate, dtype=torch.float64)
    x = torch.randn(steps, 2, 3, dtype=torch.float64)
    state = tuple(scale * torch.randn(2, 2, 4, dtype=torch.float64) for _ in range(2))
    whole, last = layer(x, state)
    cut = data.draw(st.integers(1, steps - 1))
    for sizes in ((cut, steps - cut), (1,) * steps):
        outputs, carried = [], state
        for part in x.split(sizes):
            output, carried = layer(part, carried)
            outputs.append(output)
        error = (torch.cat(outputs) - whole).abs().max() / whole.abs().max()
        assert error < 1e-14
        torch.testing.assert_close(carried, last, rtol=1e-13, atol=1e-13 * scale)


@pytest.mark.parametrize("steps", [1, 2, 3, 16, 17, 99, 100])
def test_blocks_are_the_loop(steps):
    keep = torch.rand(steps, 2, 3, dtype=torch.float64, requires_grad=True)
    add = torch.randn(steps, 2, 3, dtype=torch.float64, requires_grad=True)
    first = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(steps, 2, 3, dtype=torch.float64)
    found = []
    for run in (by_loop, by_blocks):
        output = run(keep, add, first)
        found.append([output, *torch.autograd.grad((output * weights).sum(), (keep, add, first))])
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


def test_closed_gates_neither_overflow_nor_divide_by_zero():
    keep = torch.zeros(200, 1, 2)
    keep[:, :, 1] = 1.0
    states = by_blocks(keep, torch.ones(200, 1, 2), torch.full((1, 2), 1e30))
    assert torch.equal(states[:, 0, 0], torch.ones(200))
    assert bool((states[:, 0, 1] == 1e30).all())
    layer = rnnswap.get_cell("minlstm")(1, 1)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor([[-200.0], [-200.0], [1.0]]))
    output, _ = layer(torch.ones(3, 1, 1))
    assert bool(output.isfinite().all())


def test_long_sequences_take_blocks_and_short_ones_the_loop(monkeypatch):
    called = []

    def spy(run):
        def spied(*arguments):
            called.append(run.__name__)
            return run(*arguments)

        return spied

    for run in (by_loop, by_blocks):
        monkeypatch.setitem(linear_recurrence.__globals__, run.__name__, spy(run))
    layer = rnnswap.get_cell("mingru")(2, 3)
    layer(torch.randn(4, 1, 2))
    layer(torch.randn(900, 1, 2))
    assert called == ["by_loop", "by_blocks"]
    assert blocks_pay(torch.empty(64, 4, 8, device="meta"))


def test_an_unknown_candidate_is_refused():
    with pytest.raises(rnnswap.OptionError, match="candidate must be linear or positive"):
        rnnswap.get_cell("mingru")(2, 3, candidate="log")
