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


@pytest.mark.parametrize("cell", OWN_CELLS)
@pytest.mark.parametrize(
    "sizes", [torch.tensor(5), torch.tensor([[3], [2]]), torch.tensor([3.0, 2.0])]
)
def test_batch_sizes_in_another_form_are_named(cell, sizes):
    with pytest.raises(
        RuntimeError, match=r"batch_sizes to be a row of integers, got torch\.\w+ of"
    ):
        make(cell, 3, 4)(PackedSequence(torch.randn(5, 3), sizes))


@pytest.mark.parametrize("cell", OWN_CELLS)
def test_an_order_or_a_state_of_fewer_sequences_than_there_are_is_named(cell):
    layer, data, sizes = make(cell, 3, 4), torch.randn(5, 3), torch.tensor([3, 2])
    with pytest.raises(RuntimeError, match=r"expected sorted_indices of shape \(3,\).*got \(2,\)"):
        layer(PackedSequence(data, sizes, torch.tensor([1, 0])))
    packed, few = PackedSequence(data, sizes, torch.tensor([1, 0, 2])), torch.zeros(1, 2, 4)
    with pytest.raises(RuntimeError, match=r"expected h_0 of 3 sequences, got shape \(1, 2, 4\)"):
        layer(packed, (few, few))


@pytest.mark.parametrize("options", [{}, {"layer_norm": True}], ids=["plain", "layer_norm"])
@pytest.mark.parametrize("cell", OWN_CELLS)
def test_transforms_of_torch_func_run_over_packed_input(cell, options):
    layer = make(cell, 3, 4, 2, bidirectional=True, **options).double()
    x, lengths = torch.randn(5, 3, 3).double(), torch.tensor([5, 2, 1])
    data, *rest = pack_padded_sequence(x, lengths)
    weights = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(data):
        packed = PackedSequence(data, *rest)
        return torch.func.functional_call(layer, weights, (packed,))[0].data.pow(2).sum()

    leaf = data.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(leaf), leaf)
    torch.testing.assert_close(torch.func.grad(loss)(data), expected)
    _, tangent = torch.func.jvp(loss, (data,), (torch.ones_like(data),))
    torch.testing.assert_close(tangent, expected.sum())
    both = torch.func.vmap(torch.func.grad(loss))(torch.stack((data, -data)))
    torch.testing.assert_close(both[0], expected)


@pytest.mark.parametrize("cell", OWN_CELLS)
def test_packed_input_stays_where_it_is_under_another_default_device(cell):
    layer, packed = make(cell, 3, 4), pack_padded_sequence(torch.randn(5, 3, 3), [5, 2, 1])
    expected = layer(packed)[0].data
    with torch.device("meta"):
        assert torch.equal(layer(packed)[0].data, expected)
