"""ONNX by the older exporter, which goes by torch.jit.trace: as nn.LSTM, or refused at export."""

import io

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import rnnswap

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::torch.jit.TracerWarning"
)

LAYERS = {
    "nn.LSTM": (nn.LSTM, {}),
    "JANET": (rnnswap.JANET, {}),
    "IndRNN": (rnnswap.IndRNN, {"nonlinearity": "tanh", "recurrent_max": 0.5}),
    "IndRNNv2": (rnnswap.IndRNNv2, {"batch_norm": True, "residual": True}),
    "attention": (rnnswap.with_attention(rnnswap.JANET, "soft"), {}),
    "hard attention": (rnnswap.with_attention(rnnswap.IndRNN, "hard"), {}),
}
SETTINGS = [{"batch_first": True}, {"num_layers": 2, "bidirectional": True}, {"proj_size": 3}]


class Padded(nn.Module):
    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, x):
        output, (h, c) = self.rnn(x)
        return output, h, c


class Packed(Padded):
    def forward(self, x, lengths):
        first = self.rnn.batch_first
        packed = pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False)
        output, (h, c) = self.rnn(packed)
        return pad_packed_sequence(output, batch_first=first)[0], h, c


def given(model, steps, batch):
    x = torch.randn((batch, steps, 4) if model.rnn.batch_first else (steps, batch, 4))
    if type(model) is Padded:
        return (x,)
    return x, torch.tensor([max(1, steps - 2 * row) for row in range(batch)]).flip(0)


def exported(model):
    file, example = io.BytesIO(), given(model, 5, 3)
    names = ["x", "lengths"][: len(example)]
    axes = {"x": {0: "a", 1: "b"}, "lengths": {0: "batch"}}
    torch.onnx.export(model, example, file, dynamo=False, input_names=names, dynamic_axes=axes)
    return onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@pytest.mark.parametrize("how", [Padded, Packed])
@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS)
def test_the_file_serves_every_length_and_batch(case, how, setting):
    cls, options = case
    if cls is nn.LSTM and "proj_size" in setting:
        pytest.skip("the exporter knows no nn.LSTM with a projection")
    model = how(cls(4, 8, **options, **setting)).eval()
    session = exported(model)
    for size in ((5, 3), (9, 2), (2, 4)):
        arguments = given(model, *size)
        names = [node.name for node in session.get_inputs()]
        feed = {name: value.numpy() for name, value in zip(names, arguments, strict=True)}
        for found, expected in zip(session.run(None, feed), model(*arguments), strict=True):
            torch.testing.assert_close(torch.from_numpy(found), expected.detach())


class Plain(rnnswap.RecurrentLayer):
    gates = 1

    def step(self, gates_x, state, weights):
        return (torch.tanh(gates_x + state[0] @ weights["weight_hh"].t()),)


STEPS = {
    "one step": (Plain, {}),
    "layer_norm": (rnnswap.JANET, {"layer_norm": True}),
    "zoneout": (rnnswap.IndRNN, {"zoneout": 0.1}),
    "attention": (rnnswap.with_attention(Plain, "soft"), {}),
}


@pytest.mark.parametrize("how", [Padded, Packed])
@pytest.mark.parametrize("case", STEPS.values(), ids=STEPS)
def test_steps_in_a_loop_are_refused_at_export(case, how):
    cls, options = case
    with pytest.raises(rnnswap.UnsupportedError, match=r"write 5 steps out.* dynamo=True"):
        exported(how(cls(4, 8, **options)).eval())
