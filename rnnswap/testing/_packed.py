"""Checks of PackedSequence input: every sequence by itself, and nothing between them."""

from __future__ import annotations

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence

from rnnswap.spec import ROUNDING
from rnnswap.testing._checks import check
from rnnswap.testing._compare import require, require_all_same, require_equal, require_same
from rnnswap.testing._subject import H, I, Subject, run, run_packed, states


@check(needs=(ROUNDING,))
def packed_sorted(subject: Subject) -> None:
    """Packed, sorted input gives each sequence's own output, h_n and c_n."""
    _require_packed(subject, [5, 4, 4, 1], enforce_sorted=True)


@check(needs=(ROUNDING,))
def packed_unsorted(subject: Subject) -> None:
    """Packed input in any order gives each sequence's own output, h_n and c_n."""
    _require_packed(subject, [2, 5, 1, 5], enforce_sorted=False)


def _require_packed(subject: Subject, lengths: list[int], enforce_sorted: bool) -> None:
    for setting in subject.settings():
        layer = subject.build(setting)
        x = torch.randn(len(lengths), max(lengths), I, dtype=torch.float64)
        packed = pack_padded_sequence(x, lengths, True, enforce_sorted)
        for state in (None, states(setting, len(lengths))):
            result, h_n, c_n = run_packed(layer, packed, state)
            output, _ = pad_packed_sequence(result, batch_first=True)
            for row, length in enumerate(lengths):
                own = None if state is None else tuple(s[:, row] for s in state)
                alone = run(layer, x[row, :length], own)
                found = output[row, :length], h_n[:, row], c_n[:, row]
                require_all_same(found, alone, f"of sequence {row} of {lengths}, {setting}")


@check()
def packed_structure(subject: Subject) -> None:
    """A PackedSequence comes back with the batch sizes and orders it came with."""
    x = torch.randn(4, 5, I, dtype=torch.float64)
    layer = subject.build()
    for lengths, in_order in (([5, 4, 4, 1], True), ([2, 5, 1, 5], False)):
        packed = pack_padded_sequence(x, lengths, True, in_order)
        result, _, _ = run_packed(layer, packed)
        require_equal(tuple(result.data.shape), (packed.data.size(0), H), "shape of data")
        for name in ("batch_sizes", "sorted_indices", "unsorted_indices"):
            found, expected = getattr(result, name), getattr(packed, name)
            same = found is expected or (
                None not in (found, expected) and torch.equal(found, expected)
            )
            require(same, f"expected {name} {expected}, got {found}")


@check()
def padding_never_leaks(subject: Subject) -> None:
    """Steps of a longer sequence, NaN even, leave a shorter one's results and gradient alone."""
    for setting in subject.settings({}, subject.deep(), {"proj_size": 2}):
        layer = subject.build(setting)
        long = torch.randn(5, I, dtype=torch.float64)
        long[2:] = float("nan")
        short = torch.randn(2, I, dtype=torch.float64, requires_grad=True)
        packed = pack_sequence([long, short])
        result, h_n, c_n = run_packed(layer, packed)
        output, _ = pad_packed_sequence(result)
        alone = run(layer, short)
        found = output[:2, 1], h_n[:, 1], c_n[:, 1]
        require_all_same(found, alone, f"of the shorter sequence, {setting}")
        (truth,) = torch.autograd.grad(alone[0].sum(), short)
        (grad,) = torch.autograd.grad(output[:2, 1].sum(), short)
        require_same(grad, truth, f"gradient of the shorter sequence, {setting}")
