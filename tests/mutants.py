"""nn.LSTM and nn.LSTMCell, each broken in one way: what the drop-in checks must find.

`LAYERS` and `CELLS` map a broken class to the checks meant for what is broken in it.
"""

import copy
import inspect
import warnings

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import rnnswap


class AnotherOrder(nn.LSTM):
    def __init__(
        self, input_size, hidden_size, num_layers=1, batch_first=False, bias=True, *args, **kwargs
    ):
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, *args, **kwargs)


class NoProjection(nn.LSTM):
    def __init__(self, *args, proj_size=0, **kwargs):
        super().__init__(*args, **kwargs)


class OneLayer(nn.LSTM):
    def __init__(self, input_size, hidden_size, num_layers=1, *args, **kwargs):
        super().__init__(input_size, hidden_size, 1, *args, **kwargs)


class AlwaysBias(nn.LSTM):
    def __init__(self, *args, bias=True, **kwargs):
        super().__init__(*args, **kwargs)


class OneDirection(nn.LSTM):
    def __init__(self, *args, bidirectional=False, **kwargs):
        super().__init__(*args, **kwargs)


class BatchFirstByDefault(nn.LSTM):
    def __init__(self, *args, batch_first=True, **kwargs):
        super().__init__(*args, batch_first=batch_first, **kwargs)


class NeverBatchFirst(nn.LSTM):
    def forward(self, x, hx=None):
        if self.batch_first and isinstance(x, torch.Tensor) and x.dim() == 3:
            mixed, state = super().forward(x.flip(0).roll(1, 1), hx)
            return mixed, state
        return super().forward(x, hx)


class AlwaysFloat32(nn.LSTM):
    def __init__(self, *args, dtype=None, **kwargs):
        super().__init__(*args, dtype=torch.float32, **kwargs)


class StatesOnTheCPU(nn.LSTM):
    def forward(self, x, hx=None):
        if hx is None and isinstance(x, torch.Tensor) and x.dim() == 3:
            rows = self.num_layers * (2 if self.bidirectional else 1)
            batch = x.size(0 if self.batch_first else 1)
            sizes = (self.proj_size or self.hidden_size, self.hidden_size)
            hx = tuple(torch.zeros(rows, batch, size, dtype=x.dtype) for size in sizes)
        return super().forward(x, hx)


class Lenient(nn.LSTM):
    """Mends what the caller hands in instead of refusing it."""

    def __init__(self, input_size=5, hidden_size=6, *args, **kwargs):
        given = dict(zip(rnnswap.spec.LSTM_ARGUMENTS[2:], args, strict=False)) | kwargs
        known = {k: v for k, v in given.items() if k in rnnswap.spec.LSTM_ARGUMENTS}
        try:
            super().__init__(max(1, int(input_size)), max(1, int(hidden_size)), **known)
        except (TypeError, ValueError, RuntimeError):
            super().__init__(4, 6)

    def forward(self, x, hx=None):
        try:
            return super().forward(x, hx)
        except (TypeError, ValueError, RuntimeError, IndexError, AttributeError, KeyError):
            return super().forward(torch.zeros(2, 1, self.input_size))


class WrongErrors(nn.LSTM):
    def __init__(self, *args, **kwargs):
        try:
            super().__init__(*args, **kwargs)
        except Exception as error:
            raise AssertionError("wrong") from error

    def forward(self, *args):
        try:
            return super().forward(*args)
        except Exception as error:
            raise AssertionError("wrong") from error


class SwallowsKeywords(nn.LSTM):
    def __init__(self, *args, **kwargs):
        super().__init__(
            *args, **{k: v for k, v in kwargs.items() if k in rnnswap.spec.LSTM_ARGUMENTS}
        )


class NeverWarns(nn.LSTM):
    def __init__(self, *args, **kwargs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            super().__init__(*args, **kwargs)


class Broken(nn.LSTM):
    def forward(self, x, hx=None):
        raise RuntimeError("broken")


class OnlyOutput(nn.LSTM):
    def forward(self, x, hx=None):
        return super().forward(x, hx)[0]


class StateOfLastLayer(nn.LSTM):
    def forward(self, x, hx=None):
        output, (h, c) = super().forward(x, hx)
        return output, (h[-1:], c[-1:])


class IgnoresState(nn.LSTM):
    def forward(self, x, hx=None):
        return super().forward(x)


class OwnInitialState(nn.LSTM):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        if hx is None and isinstance(output, torch.Tensor):
            output = output + 0.1
        return output, state


class TuplesOnly(nn.LSTM):
    def forward(self, x, hx=None):
        if hx is not None and not isinstance(hx, tuple):
            raise TypeError("hx must be a tuple")
        return super().forward(x, hx)


class OtherKeywords(nn.LSTM):
    def forward(self, x, state=None):
        return super().forward(x, state)


class UnbatchedIsABatch(nn.LSTM):
    def forward(self, x, hx=None):
        if isinstance(x, torch.Tensor) and x.dim() == 2 and hx is not None:
            output, (h, c) = super().forward(x)
            return output, (h, c)
        return super().forward(x, hx)


class SqueezesOnes(nn.LSTM):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        return output.squeeze() if isinstance(output, torch.Tensor) else output, state


class NeedsRows(nn.LSTM):
    def forward(self, x, hx=None):
        if isinstance(x, torch.Tensor) and x.numel() == 0:
            raise ValueError("no rows")
        return super().forward(x, hx)


class NeedsContiguous(nn.LSTM):
    def forward(self, x, hx=None):
        if isinstance(x, torch.Tensor):
            x = torch.as_strided(x, x.shape, torch.empty(x.shape).stride())
        return super().forward(x, hx)


class ChangesState(nn.LSTM):
    def forward(self, x, hx=None):
        output, (h, c) = super().forward(x, hx)
        if hx is not None and not h.requires_grad and hx[0].shape == h.shape:
            hx[0].copy_(h)
        return output, (h, c)


class OneStateTwice(nn.LSTM):
    def forward(self, x, hx=None):
        output, (h, c) = super().forward(x, hx)
        return output, (h, h if h.shape == c.shape else c)


class MixesRows(nn.LSTM):
    def forward(self, x, hx=None):
        if isinstance(x, torch.Tensor) and x.dim() == 3:
            x = x - x.mean(0 if self.batch_first else 1, keepdim=True)
        return super().forward(x, hx)


class DropsTheLastLayer(nn.LSTM):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        if isinstance(output, torch.Tensor):
            output = nn.functional.dropout(output, self.dropout, self.training)
        return output, state


class RunsPadding(nn.LSTM):
    """Runs packed input padded, as if every sequence were as long as the longest."""

    def forward(self, x, hx=None):
        if not isinstance(x, PackedSequence):
            return super().forward(x, hx)
        padded, lengths = pad_packed_sequence(x, self.batch_first)
        output, state = super().forward(padded, hx)
        packed = pack_padded_sequence(output, lengths, self.batch_first, x.sorted_indices is None)
        return PackedSequence(
            packed.data, x.batch_sizes, x.sorted_indices, x.unsorted_indices
        ), state


class ForgetsTheOrder(nn.LSTM):
    """Leaves the final states in the order of lengths."""

    def forward(self, x, hx=None):
        output, (h, c) = super().forward(x, hx)
        if isinstance(x, PackedSequence) and x.sorted_indices is not None:
            h, c = h[:, x.sorted_indices], c[:, x.sorted_indices]
        return output, (h, c)


class LosesTheOrder(nn.LSTM):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        if isinstance(output, PackedSequence):
            output = PackedSequence(output.data, output.batch_sizes)
        return output, state


class NaNLeaks(nn.LSTM):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        if isinstance(output, PackedSequence):
            output = output._replace(data=output.data + 0.0 * output.data.sum())
        return output, state


class LosesDtype(nn.LSTM):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        if isinstance(output, torch.Tensor):
            output = output.float() if output.dtype == torch.float64 else output.double()
        return output, state


class LowPrecision(nn.LSTM):
    """Rounds the output to fewer digits than its dtype has."""

    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        if isinstance(output, torch.Tensor) and output.dtype != torch.float64:
            unit = 64 * torch.finfo(output.dtype).eps
            output = (output / unit).round() * unit
        return output, state


class NoAutocast(nn.LSTM):
    def forward(self, x, hx=None):
        with torch.autocast("cpu", enabled=False):
            return super().forward(x, hx)


class Wrapper(nn.Module):
    """No RNNBase, without attributes and methods, names of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.rnn = nn.LSTM(*args, **kwargs)

    def forward(self, input, hx=None):
        return self.rnn(input, hx)


class VectorWeights(nn.LSTM):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.weight_hh_l0 = nn.Parameter(self.weight_hh_l0.detach().flatten())


class UnorderedWeights(nn.LSTM):
    @property
    def all_weights(self):
        return [list(reversed(tensors)) for tensors in super().all_weights]


class FlattensToZero(nn.LSTM):
    def flatten_parameters(self):
        if getattr(self, "ready", False):
            with torch.no_grad():
                self.weight_hh_l0.zero_()

    def forward(self, x, hx=None):
        self.ready = True
        return super().forward(x, hx)


class SharedByCopies(nn.LSTM):
    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return (nn.LSTM, (self.input_size, self.hidden_size))


class ReadsWeightsOnce(nn.LSTM):
    """Computes with the parameters of its first call for ever."""

    def forward(self, x, hx=None):
        kept = self.__dict__.setdefault("kept", [])
        if not kept:
            kept.append(nn.LSTM(self.input_size, self.hidden_size, self.num_layers, self.bias))
            kept[0] = copy.deepcopy(self._bare())
        return kept[0](x, hx)

    def _bare(self):
        bare = nn.LSTM(
            self.input_size,
            self.hidden_size,
            self.num_layers,
            self.bias,
            self.batch_first,
            self.dropout,
            self.bidirectional,
            self.proj_size,
        )
        bare = bare.to(self.bias_ih_l0.dtype).eval()
        for name, parameter in bare.named_parameters():
            parameter.data = getattr(self, name).detach().clone()
        return bare


class HidesItsWeights(nn.LSTM):
    """Moves a copy of its weights into shared memory."""

    def share_memory(self):
        return copy.deepcopy(self)


class CallsForwardTwice(nn.LSTM):
    def __call__(self, *args, **kwargs):
        super().__call__(*args, **kwargs)
        return super().__call__(*args, **kwargs)


class DetachesState(nn.LSTM):
    def forward(self, x, hx=None):
        return super().forward(x, None if hx is None else tuple(s.detach() for s in hx))


class _WrongGradient(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad):
        return 1.1 * grad

    @staticmethod
    def jvp(ctx, tangent):
        return tangent.clone()


class WrongGradient(nn.LSTM):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        if isinstance(output, torch.Tensor):
            output = _WrongGradient.apply(output)
        return output, state


class _FirstOrderOnly(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return 2 * x * grad


class FirstOrderOnly(nn.LSTM):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        return _FirstOrderOnly.apply(output) if isinstance(output, torch.Tensor) else output, state


class NoGradientInPacked(nn.LSTM):
    def forward(self, x, hx=None):
        output, (h, c) = super().forward(x, hx)
        if isinstance(x, PackedSequence):
            h = h.detach()
        return output, (h, c)


class CountsItsCalls(nn.LSTM):
    """Every call adds a little more to the output."""

    calls = 0

    def forward(self, x, hx=None):
        output, (h, c) = super().forward(x, hx)
        CountsItsCalls.calls += 1
        more = 0.001 * CountsItsCalls.calls
        if isinstance(output, PackedSequence):
            return output._replace(data=output.data * (1 + more)), (h, c)
        return output * (1 + more), (h, c)


class KeepsGraphs(nn.LSTM):
    def forward(self, x, hx=None):
        with torch.inference_mode(False), torch.enable_grad():
            return super().forward(x.clone() if isinstance(x, torch.Tensor) else x, hx)


class NeverLearns(nn.LSTM):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        if isinstance(output, torch.Tensor):
            output = output.detach() + 0.0 * output
        return output, state


class Looping(rnnswap.RecurrentLayer):
    """A correct cell in nothing but Python, of which a trace records the steps that ran.

    RecurrentLayer declares that for it; here that is taken back.
    """

    gates = 1

    def step(self, gates_x, state, weights):
        (h,) = state
        recurrent = h @ weights["weight_hh"].t() + weights.get("bias_hh", 0.0)
        return (torch.tanh(gates_x + recurrent),)


Looping.unsupported = frozenset()


class Raising(Looping):
    """Has no half precision."""

    def step(self, gates_x, state, weights):
        if gates_x.dtype == torch.float16:
            raise RuntimeError("no half precision here")
        return super().step(gates_x, state, weights)


class UnusedParameter(nn.LSTM):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.unused = nn.Parameter(torch.zeros(3))


class BiasesOnce(nn.LSTM):
    """Writes in its constructor what its reset_parameters leaves as it is."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, parameter in self.named_parameters():
            if "bias" in name:
                nn.init.zeros_(parameter)

    def reset_parameters(self):
        for name, parameter in self.named_parameters():
            if "weight" in name:
                nn.init.uniform_(parameter, -0.5, 0.5)


class ResetsRows(nn.LSTM):
    """Writes rows of a parameter: of one that is sharded they are a copy."""

    def reset_parameters(self):
        super().reset_parameters()
        for name, parameter in self.named_parameters():
            if "bias" in name:
                with torch.no_grad():
                    parameter.chunk(4)[1].fill_(1.0)


class BranchesOnValues(nn.LSTM):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        return (output * 2 if x.size(1) == 7 else output), state


class OtherWhenCompiled(rnnswap.IndRNN):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        return (output + 0.5 if torch.compiler.is_compiling() else output), state


class _Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad


class NoTransforms(nn.LSTM):
    """Its autograd.Function has no rules for torch.func's transforms."""

    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        return _Doubled.apply(output), state


class OtherGraphWithGradients(nn.LSTM):
    """torch.jit.trace traces with gradients and checks without."""

    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        return (output + 0.0 if hx is not None and output.requires_grad else output), state


class Turned(nn.LSTM):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        if isinstance(output, torch.Tensor) and output.dim() == 3:
            output = output.transpose(0, 1).contiguous().transpose(0, 1)
        return output, state


class ReadsItsLinear(nn.LSTM):
    """Takes the weight of a module that quantize_dynamic replaces."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        like = {"device": self.weight_ih_l0.device, "dtype": self.weight_ih_l0.dtype}
        width = (self.proj_size or self.hidden_size) * (2 if self.bidirectional else 1)
        self.after = nn.Linear(width, width, **like)

    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        if isinstance(output, PackedSequence):
            return output, state
        return nn.functional.linear(output, self.after.weight), state


class WritesOut(nn.LSTM):
    """Runs the steps in a loop in Python."""

    def forward(self, x, hx=None):
        if isinstance(x, PackedSequence) or x.dim() == 2 or self.batch_first or self.bidirectional:
            return super().forward(x, hx)
        outputs = []
        for row in x.unbind(0):
            output, hx = super().forward(row.unsqueeze(0), hx)
            outputs.append(output)
        return torch.cat(outputs), hx


class LookedInto(nn.LSTM):
    """torch.fx looks into modules outside torch.nn: a shape that is asked for ends the trace."""


class NoScript(Looping):
    def __prepare_scriptable__(self):
        return self


class TakesANameForItself(nn.LSTM):
    @property
    def output_size(self):
        return self.proj_size or self.hidden_size


class SignsForItsSubclasses(nn.LSTM):
    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.__signature__ = inspect.signature(nn.LSTM)


class KnowsNoOtherBase(nn.LSTM):
    __setattr__ = nn.Module.__setattr__


class MakesItsListAnew(nn.LSTM):
    def forward(self, x, hx=None):
        self._init_flat_weights()
        return super().forward(x, hx)


class PlainNumbersOnly(nn.LSTM):
    def __init__(self, input_size, hidden_size, num_layers=1, *args, **kwargs):
        if not isinstance(num_layers, int):
            raise TypeError("num_layers must be an int")
        super().__init__(input_size, hidden_size, num_layers, *args, **kwargs)


class KeepsItsOutput(nn.LSTM):
    def forward(self, x, hx=None):
        output, state = super().forward(x, hx)
        return (torch.tanh(output) if isinstance(output, torch.Tensor) else output), state


LAYERS = {
    Broken: ["plain-call"],
    AnotherOrder: ["positional-arguments"],
    NoProjection: ["keyword-arguments", "proj-size-argument"],
    OneLayer: ["num-layers-argument", "positional-arguments"],
    AlwaysBias: ["bias-argument"],
    OneDirection: ["bidirectional-argument"],
    BatchFirstByDefault: ["default-arguments"],
    NeverBatchFirst: ["batch-first-argument"],
    AlwaysFloat32: ["dtype-argument", "factory-mistakes"],
    StatesOnTheCPU: ["meta-device"],
    Lenient: [
        "size-mistakes",
        "flag-mistakes",
        "dropout-mistakes",
        "projection-mistakes",
        "surplus-arguments",
        "factory-mistakes",
        "input-mistakes",
        "state-mistakes",
        "state-is-no-pair",
        "packed-mistakes",
    ],
    WrongErrors: ["size-mistakes", "dropout-mistakes", "input-mistakes", "state-is-no-pair"],
    SwallowsKeywords: ["surplus-arguments"],
    NeverWarns: ["dropout-warning"],
    OnlyOutput: ["result-structure", "shapes"],
    StateOfLastLayer: ["shapes"],
    IgnoresState: ["state-is-read", "state-carried-over", "state-mistakes"],
    OwnInitialState: ["no-state-is-zeros"],
    TuplesOnly: ["state-as-list"],
    OtherKeywords: ["forward-keywords"],
    UnbatchedIsABatch: ["unbatched"],
    SqueezesOnes: ["sizes-of-one"],
    NeedsRows: ["batch-of-none"],
    NeedsContiguous: ["strided-input"],
    ChangesState: ["nothing-changed-in-place"],
    OneStateTwice: ["nothing-changed-in-place", "state-carried-over"],
    MixesRows: ["batch-rows"],
    DropsTheLastLayer: ["dropout-argument"],
    RunsPadding: ["packed-sorted", "packed-unsorted", "padding-never-leaks"],
    ForgetsTheOrder: ["packed-unsorted"],
    LosesTheOrder: ["packed-structure"],
    NaNLeaks: ["padding-never-leaks"],
    LosesDtype: ["float64", "float32", "bfloat16", "float16", "converted-module"],
    LowPrecision: ["float32", "bfloat16", "float16"],
    NoAutocast: ["autocast"],
    Wrapper: ["is-rnn-base", "attributes", "repr-style", "parameter-names", "all-weights"],
    VectorWeights: ["parameter-names"],
    UnorderedWeights: ["all-weights"],
    FlattensToZero: ["flatten-parameters"],
    SharedByCopies: ["deepcopy", "pickled", "saved"],
    ReadsWeightsOnce: [
        "state-dict",
        "state-dict-assigned",
        "functional-call",
        "weight-norm",
        "spectral-norm",
        "weight-drop",
        "fsdp",
    ],
    HidesItsWeights: ["shared-memory"],
    CallsForwardTwice: ["hooks"],
    DetachesState: ["gradients", "gradcheck"],
    WrongGradient: ["gradcheck", "jvp"],
    FirstOrderOnly: ["gradgradcheck", "gradgradcheck-of-every-form"],
    NoGradientInPacked: ["packed-gradients"],
    CountsItsCalls: [
        "func-grad",
        "checkpointing",
        "inference-mode",
        "batch-rows",
        "packed-sorted",
        "jvp",
    ],
    KeepsGraphs: ["inference-mode"],
    NeverLearns: ["training"],
    OtherWhenCompiled: [
        "compiled-as-it-is",
        "compiled-by-every-backend",
        "compiled-with-autocast",
        "compiled-training-step",
    ],
    OtherGraphWithGradients: ["traced-with-a-state"],
    Turned: ["output-in-one-piece"],
    ReadsItsLinear: ["quantized-dynamically"],
    WritesOut: ["onnx-by-the-older-exporter"],
    LookedInto: ["fx-traced"],
    NoTransforms: ["compiled-per-sample-gradients"],
    Looping: ["traced-at-another-length"],
    BranchesOnValues: ["traced"],
    NoScript: ["scripted"],
    UnusedParameter: ["ddp"],
    BiasesOnce: ["meta-device"],
    ResetsRows: ["fsdp-reset"],
    TakesANameForItself: ["users-attributes"],
    SignsForItsSubclasses: ["subclasses"],
    KnowsNoOtherBase: ["bases-beside-it"],
    MakesItsListAnew: ["flat-weights"],
    PlainNumbersOnly: ["numbers-of-numpy"],
    KeepsItsOutput: ["written-in-place"],
}


class CellOnlyH(nn.LSTMCell):
    def forward(self, x, hx=None):
        return super().forward(x, hx)[0]


class CellBroken(nn.LSTMCell):
    def forward(self, x, hx=None):
        raise RuntimeError("broken")


class CellAlwaysBias(nn.LSTMCell):
    def __init__(self, input_size, hidden_size, bias=True, *args, **kwargs):
        super().__init__(input_size, hidden_size, True, *args, **kwargs)


class CellLenient(nn.LSTMCell):
    def __init__(self, input_size=5, hidden_size=6, bias=True, device=None, dtype=None, *_, **__):
        sizes = (max(1, int(size)) for size in (input_size, hidden_size))
        super().__init__(*sizes, bias, device, dtype)

    def forward(self, x, hx=None):
        try:
            return super().forward(x, hx)
        except (TypeError, ValueError, RuntimeError, AttributeError):
            return super().forward(torch.zeros(self.input_size))


class CellIgnoresState(nn.LSTMCell):
    def forward(self, x, hx=None):
        return super().forward(x)


class CellMixesRows(nn.LSTMCell):
    def forward(self, x, hx=None):
        return super().forward(x - x.mean(0) if x.dim() == 2 and len(x) else x, hx)


class CellOwnState(nn.LSTMCell):
    def forward(self, x, hx=None):
        h, c = super().forward(x, hx)
        return (h + 1.0 if hx is None else h), c


class CellTwice(nn.LSTMCell):
    """Takes two steps where the layer takes one."""

    def forward(self, x, hx=None):
        return super().forward(x, super().forward(x, hx))


class CellLowPrecision(nn.LSTMCell):
    def forward(self, x, hx=None):
        h, c = super().forward(x, hx)
        unit = 64 * torch.finfo(h.dtype).eps
        return (h if h.dtype == torch.float64 else (h / unit).round() * unit), c


class CellWrapper(nn.Module):
    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size, bias, device, dtype)

    def forward(self, input, hx=None):
        return self.cell(input, hx)


class CellShared(nn.LSTMCell):
    def __deepcopy__(self, memo):
        return nn.LSTMCell(self.input_size, self.hidden_size)


class CellOnTheCPU(nn.LSTMCell):
    def forward(self, x, hx=None):
        if hx is None:
            size = (*x.shape[:-1], self.hidden_size)
            hx = torch.zeros(size, dtype=x.dtype), torch.zeros(size, dtype=x.dtype)
        return super().forward(x, hx)


class CellWrongGradient(nn.LSTMCell):
    def forward(self, x, hx=None):
        h, c = super().forward(x, hx)
        return _WrongGradient.apply(h), c


class CellBranches(nn.LSTMCell):
    def forward(self, x, hx=None):
        h, c = super().forward(x, hx)
        return (h * 2 if len(x) == 9 else h), c


class CellNoGraph(nn.LSTMCell):
    """Leaves PyTorch in the middle of its forward."""

    def forward(self, x, hx=None):
        h, c = super().forward(x, hx)
        return torch.tensor([[float(v) for v in row if v == v] for row in h]), c


class CellKeepsItsState(nn.LSTMCell):
    def forward(self, x, hx=None):
        h, c = super().forward(x, hx)
        return torch.tanh(h), c


CELLS = {
    CellBroken: ["plain-call"],
    CellAlwaysBias: ["arguments"],
    CellLenient: ["constructor-mistakes", "input-mistakes"],
    CellOnlyH: ["shapes"],
    CellOwnState: ["no-state-is-zeros"],
    CellIgnoresState: ["state-is-read"],
    CellMixesRows: ["rows-alone"],
    CellTwice: ["layer-step"],
    CellLowPrecision: ["precision"],
    CellWrapper: ["names-and-repr"],
    CellShared: ["copies"],
    CellOnTheCPU: ["meta-device"],
    CellWrongGradient: ["derivatives"],
    CellBranches: ["traced"],
    CellKeepsItsState: ["state-written-in-place"],
    CellNoGraph: ["compiled", "exported", "onnx", "fx-traced", "scripted"],
}
