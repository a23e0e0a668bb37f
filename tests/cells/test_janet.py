"""What is JANET's own: rows, initialisation, options, state."""

import math

import pytest
import torch
from tolerances import assert_same

from rnnswap import JANET, JANETCell, OptionError

H = 6


def test_has_half_of_an_lstms_parameters():
    count, lstm = (
        sum(p.numel() for p in cls(5, H, 2, bidirectional=True).parameters())
        for cls in (JANET, torch.nn.LSTM)
    )
    assert count * 2 == lstm


def test_rows_are_candidate_then_forget():
    """With the forget gate shut nothing is kept and the candidate is put in whole."""
    layer = JANET(2, H, bias=True, dtype=torch.float64)
    with torch.no_grad():
        for p in layer.parameters():
            p.zero_()
        layer.bias_ih_l0[:H] = 0.5
        layer.bias_ih_l0[H:] = -100
    state = (torch.ones(1, 1, H, dtype=torch.float64),) * 2
    output, _ = layer(torch.zeros(1, 1, 2, dtype=torch.float64), state)
    assert_same(output, torch.full_like(output, math.tanh(0.5)))


def test_bias_starts_with_the_forget_gate_open_by_one():
    layer = JANET(5, H, 2, bidirectional=True)
    for suffix in ("l0", "l0_reverse", "l1", "l1_reverse"):
        assert torch.equal(getattr(layer, f"bias_ih_{suffix}")[:H], torch.zeros(H))
        assert torch.equal(getattr(layer, f"bias_ih_{suffix}")[H:], torch.ones(H))
        assert torch.equal(getattr(layer, f"bias_hh_{suffix}"), torch.zeros(2 * H))


def test_chrono_draws_log_of_uniform_once():
    """Both biases together have the range and the mean of log U(1, t_max - 1)."""
    layer = JANET(1, 20000, t_max=784)
    total = (layer.bias_ih_l0 + layer.bias_hh_l0)[20000:].detach()
    assert total.min() >= 0
    assert total.max() <= math.log(783)
    mean = (783 * math.log(783) - 782) / 782  # of log U(1, 783)
    assert total.mean() == pytest.approx(mean, abs=0.05)
    assert torch.equal(layer.bias_ih_l0[:20000], torch.zeros(20000))


@pytest.mark.parametrize("t_max", [2, 0, -5, float("inf"), "9", True], ids=str)
@pytest.mark.parametrize("cls", [JANET, JANETCell])
def test_chrono_needs_more_than_two_steps(cls, t_max):
    with pytest.raises(OptionError, match=f"greater than 2, got {t_max!r}"):
        cls(4, H, t_max=t_max)


@pytest.mark.parametrize("beta", [float("nan"), float("inf"), "x", None], ids=str)
def test_beta_is_a_finite_number(beta):
    with pytest.raises(OptionError, match="beta must be a finite number"):
        JANET(4, H, beta=beta)


def test_without_bias_chrono_has_nothing_to_set():
    assert len(list(JANET(4, H, bias=False, t_max=10).parameters())) == 2


def test_beta_is_a_constant_and_acts():
    plain, shifted = JANET(4, H), JANET(4, H, beta=3.0)
    shifted.load_state_dict(plain.state_dict())
    x = torch.randn(3, 2, 4)
    assert not torch.equal(plain(x)[0], shifted(x)[0])
    assert "beta=3.0" in repr(shifted)
    assert "beta" not in dict(shifted.named_parameters())


def test_gates_read_h0_and_the_carry_reads_c0():
    layer = JANET(2, H, dtype=torch.float64)
    x = torch.randn(1, 1, 2, dtype=torch.float64)
    h0, c0 = torch.randn(2, 1, 1, H, dtype=torch.float64)
    pre = x @ layer.weight_ih_l0.t() + h0 @ layer.weight_hh_l0.t()
    g, s = (pre + layer.bias_ih_l0 + layer.bias_hh_l0).chunk(2, -1)
    expected = s.sigmoid() * c0 + (1 - (s - 1).sigmoid()) * g.tanh()
    output, (h_n, c_n) = layer(x, (h0, c0))
    assert_same(output, expected)
    assert torch.equal(h_n, c_n)
    h_n.detach().add_(1)
    assert not torch.equal(h_n, c_n), "h_n and c_n must not share memory"
