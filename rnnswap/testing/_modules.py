"""Checks of the layer as a module: names, copies, checkpoints, wrappers."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations

from rnnswap.testing._checks import CheckSkippedError, check
from rnnswap.testing._compare import (
    backward,
    require,
    require_all_same,
    require_equal,
    require_none,
    require_same,
)
from rnnswap.testing._report import BEYOND
from rnnswap.testing._subject import H, I, Subject, inputs, run, states, torch_layer


@check()
def is_rnn_base(subject: Subject) -> None:
    """isinstance(layer, nn.RNNBase) is True, and mode is "LSTM"."""
    layer = subject.build()
    bases = [base.__name__ for base in type(layer).__mro__[:-1]]
    require(isinstance(layer, nn.RNNBase), f"expected an nn.RNNBase, got bases {bases}")
    require_equal(layer.mode, "LSTM", "mode")


@check()
def attributes(subject: Subject) -> None:
    """Every public attribute and method of nn.LSTM exists; methods take a pair as state."""
    layer, lstm = subject.build(), torch_layer()
    missing = [n for n in dir(lstm) if not n.startswith("_") and not hasattr(layer, n)]
    require_none(missing, "missing attributes")
    x, state = inputs(), states()
    layer.check_forward_args(x, state, None)
    sizes = layer.get_expected_hidden_size(x, None), layer.get_expected_cell_size(x, None)
    require_equal(sizes, tuple(tuple(s.shape) for s in state), "expected state sizes")
    order = torch.tensor([1, 0, 3, 2])
    found = layer.permute_hidden(state, order)
    truth = [s[:, order] for s in state]
    require_all_same(found, truth, "of permute_hidden", names=("h_n", "c_n"), eps=0)


@check()
def repr_style(subject: Subject) -> None:
    """The repr is nn.LSTM's with the class's own name, its own options last."""
    wanted = {"num_layers": 2, "bias": False, "batch_first": True, "dropout": 0.5, "proj_size": 2}
    setting = {key: value for key, value in wanted.items() if subject.can(key, "num_layers")}
    expected = torch_layer(setting).extra_repr()
    layer = subject.build(setting)
    start = f"{subject.cls.__name__}("
    require(repr(layer).startswith(start), f"expected repr to start with {start!r}, got {layer!r}")
    # In a layer with modules of its own the arguments stand on a line of theirs.
    found = layer.extra_repr()
    require(found.startswith(expected), f"expected {expected!r} in the repr, got {found!r}")


@check()
def parameter_names(subject: Subject) -> None:
    """Every parameter of nn.LSTM exists under its name, in its order; weights have 2 dimensions."""
    for setting in subject.settings():
        layer = subject.build(setting)
        names = [name for name, _ in torch_layer(setting).named_parameters()]
        own = dict(layer.named_parameters())
        require_equal([n for n in own if n in names], names, f"parameters with {setting}")
        thin = [n for n in names if "weight" in n and own[n].dim() < 2]
        # Real code runs orthogonal_ on every name with "weight", which raises on a vector.
        require_none(thin, "weights of fewer than 2 dimensions")


@check()
def all_weights(subject: Subject) -> None:
    """all_weights lists the parameters by layer and direction as nn.LSTM does."""
    for setting in subject.settings():
        layer, lstm = subject.build(setting), torch_layer(setting)
        require_equal(layer._all_weights, lstm._all_weights, f"_all_weights with {setting}")
        for names, tensors in zip(layer._all_weights, layer.all_weights, strict=True):
            for name, tensor in zip(names, tensors, strict=True):
                require(tensor is getattr(layer, name), f"expected all_weights to hold {name}")


@check()
def flatten_parameters(subject: Subject) -> None:
    """It may be called at any time and changes no number."""
    layer, x = subject.build(subject.deep()), inputs()
    before = run(layer, x)
    layer.flatten_parameters()
    require_all_same(run(layer, x), before, "after flatten_parameters()", eps=0)


def _require_twin(twin: Any, layer: Any) -> None:
    require_equal(type(twin), type(layer), "a copy of type")
    x = inputs()
    require_all_same(run(twin, x), run(layer, x), "of the copy", eps=0)
    shared = {id(p) for p in twin.parameters()} & {id(p) for p in layer.parameters()}
    require_equal(len(shared), 0, "parameters shared with the copy:")
    backward(run(twin, x)[0])
    grads = [p.grad is None for p in layer.parameters()]
    require(all(grads), "expected training the copy to leave the original without gradients")


@check()
def deepcopy(subject: Subject) -> None:
    """copy.deepcopy gives an independent layer with the same numbers."""
    layer = subject.build(subject.deep())
    _require_twin(copy.deepcopy(layer), layer)


@check()
def pickled(subject: Subject) -> None:
    """Pickling gives an independent layer with the same numbers."""
    layer = subject.build(subject.deep())
    _require_twin(pickle.loads(_pickle(subject, layer)), layer)


@check()
def saved(subject: Subject) -> None:
    """torch.save and torch.load of the whole layer give the same numbers."""
    layer = subject.build(subject.deep())
    _pickle(subject, layer)
    buffer = io.BytesIO()
    torch.save(layer, buffer)
    buffer.seek(0)
    _require_twin(torch.load(buffer, weights_only=False), layer)


def _pickle(subject: Subject, layer: Any) -> bytes:
    try:
        return pickle.dumps(layer)
    except (pickle.PicklingError, AttributeError):
        if "<locals>" in subject.cls.__qualname__:
            raise CheckSkippedError(
                "the class is defined inside a function, where pickle finds none"
            ) from None
        raise


@check()
def state_dict(subject: Subject) -> None:
    """state_dict loads strictly into another layer, through a safe torch.load too."""
    layer, twin = (subject.build(subject.deep()) for _ in range(2))
    run(twin, inputs())  # a layer that has run must not keep what it read
    buffer = io.BytesIO()
    torch.save(layer.state_dict(), buffer)
    buffer.seek(0)
    twin.load_state_dict(torch.load(buffer, weights_only=True), strict=True)
    _require_twin(twin, layer)


@check()
def state_dict_assigned(subject: Subject) -> None:
    """load_state_dict(assign=True) puts the given tensors in, on a used layer too."""
    layer, twin = subject.build(), subject.build()
    run(twin, inputs())
    twin.load_state_dict(layer.state_dict(), assign=True)
    x = inputs()
    require_all_same(run(twin, x), run(layer, x), "after load_state_dict(assign=True)", eps=0)
    same = twin.weight_hh_l0.data_ptr() == layer.weight_hh_l0.data_ptr()
    require(same, "expected weight_hh_l0 to be the assigned tensor, got a copy")


@check()
def functional_call(subject: Subject) -> None:
    """torch.func.functional_call runs with the parameters it is given."""
    layer, other = subject.build(), subject.build()
    x, given = inputs(), dict(other.named_parameters())
    found = torch.func.functional_call(layer, given, (x,))
    require_same(found[0], run(other, x)[0], "output of functional_call", eps=0)
    own = run(layer, x)[0]
    require(not torch.equal(found[0], own), "expected functional_call to differ from the layer")


@check()
def weight_norm(subject: Subject) -> None:
    """parametrizations.weight_norm on both weights trains, and survives a change of dtype."""
    _require_parametrized(subject, parametrizations.weight_norm)


@check()
def spectral_norm(subject: Subject) -> None:
    """parametrizations.spectral_norm on both weights trains, and survives a change of dtype."""
    _require_parametrized(subject, parametrizations.spectral_norm)


def _require_parametrized(subject: Subject, parametrize: Any) -> None:
    layer = subject.build(dtype=torch.float32)
    for name in ("weight_ih_l0", "weight_hh_l0"):
        parametrize(layer, name)
    layer = layer.double()
    x, state = inputs(), states()
    first = run(layer, x, state)[0]
    backward(first)
    originals = dict(layer.named_parameters())
    # A weight without elements learns nothing, nor do the originals it is computed from.
    learning = {n for n in ("weight_ih_l0", "weight_hh_l0") if getattr(layer, n).numel()}
    parts = {n: p for n, p in originals.items() if learning & {*n.split(".")}}
    lost = [name for name, p in parts.items() if p.grad is None]
    require_none(lost, "originals without a gradient")
    bare = subject.build()
    bare.load_state_dict(_effective(layer, bare))
    require_same(first, run(bare, x, state)[0], "output with a parametrization")
    with torch.no_grad():
        for name, parameter in originals.items():
            if "original" in name:
                parameter.add_(torch.randn_like(parameter))
    changed = run(layer, x, state)[0]
    require(not torch.equal(changed, first), "expected changed originals to change the output")


def _effective(layer: Any, bare: Any, **more: Any) -> dict[str, Any]:
    """Return bare's state dict with the tensors that a wrapped layer computes with."""
    held = layer.state_dict() | more
    return {n: held[n] if n in held else getattr(layer, n).detach() for n in bare.state_dict()}


@check(group=BEYOND)
def parametrized_deepcopy(subject: Subject) -> None:
    """A parametrized layer can be deep-copied after .to() and after it has run."""
    for parametrize in (parametrizations.weight_norm, parametrizations.spectral_norm):
        layer = subject.build(dtype=torch.float32)
        parametrize(layer, "weight_hh_l0")
        layer, x = layer.double(), inputs()
        run(layer, x)
        require_same(run(copy.deepcopy(layer), x)[0], run(layer, x)[0], "output of the copy", eps=0)


@check()
def weight_drop(subject: Subject) -> None:
    """weight_hh_l0 may be deleted and set anew, as a tensor or parameter, on each forward."""
    layer, bare, x = subject.build(), subject.build(), inputs()
    raw = nn.Parameter(layer.weight_hh_l0.detach().clone())
    del layer._parameters["weight_hh_l0"]
    layer.register_parameter("weight_hh_l0_raw", raw)
    bare.load_state_dict(_effective(layer, bare, weight_hh_l0=raw))
    for factor in (0.0, 0.5, 1.0):
        layer.weight_hh_l0 = raw * factor
        with torch.no_grad():
            bare.weight_hh_l0.copy_(raw * factor)
        output = run(layer, x)[0]
        require_same(output, run(bare, x)[0], f"output with weight_hh_l0 times {factor}")
    backward(output)
    require(raw.grad is not None, "expected a gradient of the raw weight, got none")
    del layer.weight_hh_l0
    layer.weight_hh_l0 = nn.Parameter(raw.detach() * 0.5)
    with torch.no_grad():
        bare.weight_hh_l0.copy_(raw * 0.5)
    require_same(run(layer, x)[0], run(bare, x)[0], "output with another parameter")


@check()
def shared_memory(subject: Subject) -> None:
    """share_memory() moves every parameter into shared memory, and the layer still runs."""
    layer, x = subject.build(), inputs()
    before = run(layer, x)
    layer.share_memory()
    alone = [name for name, p in layer.named_parameters() if not p.is_shared()]
    require_none(alone, "parameters outside shared memory")
    require_all_same(run(layer, x), before, "after share_memory()", eps=0)


@check()
def hooks(subject: Subject) -> None:
    """Forward, forward-pre and full backward hooks are each called once a call."""
    layer, called = subject.build(), []
    layer.register_forward_pre_hook(lambda *_: called.append("forward-pre"))
    layer.register_forward_hook(lambda *_: called.append("forward"))
    layer.register_full_backward_hook(lambda *_: called.append("backward"))
    backward(run(layer, inputs().requires_grad_())[0])
    require_equal(called, ["forward-pre", "forward", "backward"], "calls")


@check(group=BEYOND)
def skip_init(subject: Subject) -> None:
    """torch.nn.utils.skip_init builds the layer without drawing its parameters."""
    layer = torch.nn.utils.skip_init(subject.cls, I, H, **subject.options)  # type: ignore[no-untyped-call]
    require_equal({p.device.type for p in layer.parameters()}, {"cpu"}, "parameters on")
    layer.reset_parameters()
    require_equal(tuple(run(layer, inputs(dtype=torch.float32))[0].shape), (5, 4, H), "shape")
