"""The definitions themselves: against scalar arithmetic from the papers, and against torch."""

import math

import pytest
import torch
from cases import indrnn_arguments, janet_arguments
from tolerances import assert_same

from rnnswap.ops.indrnn.naive import indrnn_scan_naive
from rnnswap.ops.janet.naive import janet_scan_naive


def sigmoid(v):
    return 1 / (1 + math.exp(-v))


def dot(row, vector):
    return sum(float(a) * float(b) for a, b in zip(row, vector, strict=True))


@pytest.mark.parametrize("beta", [1.0, 0.0, 2.5])
def test_janet_is_the_papers_equation_unit_by_unit(beta):
    T, B, H = 4, 2, 3
    leaves = [a.detach() for a in janet_arguments(T, B, 2, H)[:7]]
    args = (*leaves, None, None, beta, False)
    x, h0, c0, w, u, b_ih, b_hh = leaves
    output, h_n, c_n = janet_scan_naive(*args)
    for row in range(B):
        h, c = list(h0[row]), list(c0[row])
        for t in range(T):
            new = []
            for j in range(H):
                # Rows [c, f]: candidate j, forget gate H + j.
                pre = [
                    dot(w[r], x[t, row]) + dot(u[r], h) + float(b_ih[r]) + float(b_hh[r])
                    for r in (j, H + j)
                ]
                keep, put = sigmoid(pre[1]), 1 - sigmoid(pre[1] - beta)
                new.append(keep * float(c[j]) + put * math.tanh(pre[0]))
            h = c = new
            assert_same(output[t, row], torch.tensor(new, dtype=torch.float64))
        assert_same(h_n[row], torch.tensor(h, dtype=torch.float64))
    assert torch.equal(h_n, c_n)


def test_janets_gates_do_not_sum_to_one():
    """With s = 0 and c' = 1 the cell keeps 0.5 and puts sigmoid(1) = 0.73 of the candidate."""
    zeros = torch.zeros(2, 1, dtype=torch.float64)
    bias = torch.tensor([math.atanh(0.5), 0.0], dtype=torch.float64)
    one = torch.ones(1, 1, dtype=torch.float64)
    args = (one.unsqueeze(0), one, one, zeros, zeros, bias, None, None, None, 1.0, False)
    output, _, _ = janet_scan_naive(*args)
    assert output.item() == pytest.approx(0.5 * 1 + sigmoid(1) * 0.5, abs=1e-15)


@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
@pytest.mark.parametrize("reverse", [False, True])
def test_indrnn_is_torchs_rnn_with_a_diagonal_matrix(nonlinearity, reverse):
    args = indrnn_arguments(7, 3, 4, 5, nonlinearity=nonlinearity, reverse=reverse)
    x, h0, w, u, b_ih, b_hh = args[:6]
    rnn = torch.nn.RNN(4, 5, nonlinearity=nonlinearity, dtype=torch.float64)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    rnn.load_state_dict(dict(zip(names, (w, torch.diag(u[:, 0]), b_ih, b_hh), strict=True)))
    expected, last = rnn(x.flip(0) if reverse else x, h0.unsqueeze(0))
    output, h_n = indrnn_scan_naive(*args)
    assert_same(output.flip(0) if reverse else output, expected)
    assert_same(h_n, last[0])
