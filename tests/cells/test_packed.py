"""Packed input: what is refused, and what options make of it."""

import pytest
import torch
from cases import OWN_CELLS, make
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_sequence

from rnnswap.discovery import get_cell


@pytest.mark.parametrize("sizes", [[2, 3], [3, 1], [3, 2, 0], [6], []], ids=str)
@pytest.mark.parametrize("cell", OWN_CELLS)
def test_packed_input_that_no_sequences_give_is_refused(cell, sizes):
    by_hand = PackedSequence(torch.randn(5, 3), torch.tensor(sizes, dtype=torch.int64))
    with pytest.raises(RuntimeError):
        make(cell, 3, 4)(by_hand)


def test_batch_sizes_that_do_not_fit_are_named():
    by_hand = PackedSequence(torch.randn(5, 3), torch.tensor([3, 1]))
    with pytest.raises(RuntimeError, match=r"the sum 5, the rows of the packed data, got \[3, 1\]"):
        make("janet", 3, 4)(by_hand)


@pytest.mark.parametrize("option", [{"batch_norm": True}, {"residual": True}, {"layer_norm": True}])
def test_options_of_indrnn_on_packed_input_leave_the_padding_out(option):
    layer = get_cell("indrnn-v2")(4, 4, 2, bidirectional=True, **option).train()
    x, lengths = torch.randn(7, 3, 4), torch.tensor([7, 5, 2])
    packed = layer(pack_padded_sequence(x, lengths))[0].data
    if option == {"batch_norm": True}:
        for feature in packed.T:  # of all steps that there are, and no other
            assert abs(feature.mean()) < 1e-5
    else:
        alone = [layer(x[:n, b])[0] for b, n in enumerate(lengths)]
        padded = pad_sequence(alone)
        torch.testing.assert_close(packed, pack_padded_sequence(padded, lengths).data)
