"""Checks of what code does to nn.LSTM's class and to its layers from outside."""

from __future__ import annotations

import abc
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.testing._checks import CELL, CheckSkippedError, check
from rnnswap.testing._compare import (
    backward,
    gradient,
    require,
    require_all_same,
    require_equal,
    require_same,
)
from rnnswap.testing._subject import H, I, Subject, inputs, run, states

#: Names that code puts on layers, which nn.LSTM has not and cells are likely to have.
_NAMES = (
    *("output_size", "num_directions", "out_features", "gates", "states", "state", "step", "cell"),
    *("steps", "beta", "layer_norm", "zoneout", "nonlinearity", "activation", "attention", "norm"),
    *("weights", "options", "residual", "scan", "unsupported", "recurrence", "hx", "h0", "c0"),
)


@check()
def users_attributes(subject: Subject) -> None:
    """Attributes that code puts on the layer are kept and change no number."""
    x = inputs()
    for name in _NAMES:
        layer = subject.build()
        if any(name in own for own in (vars(layer), layer._modules, layer._parameters)):
            continue  # what the class itself keeps there
        before = run(layer, x)[0]
        setattr(layer, name, "mine")
        require_equal(getattr(layer, name), "mine", f"the attribute {name} that was set:")
        require_same(run(layer, x)[0], before, f"output with an attribute {name}", eps=0)


@check()
def subclasses(subject: Subject) -> None:
    """A subclass may have any constructor, signature, mix-in and abstract base."""
    cls: Any = subject.cls

    class Encoder(cls):  # type: ignore[misc]
        def __init__(self, config: dict[str, int], *, scale: float = 1.0) -> None:
            super().__init__(config["inputs"], config["units"], **subject.options)
            self.scale = nn.Parameter(torch.full((config["units"],), scale))

    class Registered:
        def __init_subclass__(cls, key: str, **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)

    class Mixed(Registered, cls, key="mixed"):  # type: ignore[misc]
        pass

    class Abstract(abc.ABC, cls):  # type: ignore[misc]
        pass

    layer = Encoder({"inputs": I, "units": H})
    require_equal(list(inspect.signature(Encoder).parameters), ["config", "scale"], "signature")
    require(repr(layer).startswith("Encoder("), f"expected a repr of Encoder, got {layer!r}")
    for made in (layer, *(kind(I, H, **subject.options) for kind in (Mixed, Abstract))):
        output = run(made, inputs(dtype=torch.float32))[0]
        require_equal(tuple(output.shape), (5, 4, H), f"shape of {type(made).__name__}'s output")


class _Marked(nn.Module):
    """A base beside the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.marks = ["made"]

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__.setdefault("names", set()).add(name)
        super().__setattr__(name, value)


@check()
def bases_beside_it(subject: Subject) -> None:
    """Of a class with another base module beside it that base is made, and sees what is set."""
    cls: Any = subject.cls

    class Both(cls, _Marked):  # type: ignore[misc]
        pass

    layer: Any = Both(I, H, **subject.options)  # type: ignore[call-arg]
    require_equal(vars(layer).get("marks"), ["made"], "what the base beside it sets:")
    layer.weight_hh_l0 = nn.Parameter(layer.weight_hh_l0.data)
    seen = "weight_hh_l0" in layer.names
    require(seen, "expected the base's __setattr__ to be called for weight_hh_l0, it was not")


@check()
def flat_weights(subject: Subject) -> None:
    """The layer computes with what is written into _flat_weights, until an attribute is set."""
    layer, bare, x = subject.build(), subject.build(), inputs()
    bare.load_state_dict(layer.state_dict())
    for position, name in enumerate(layer._flat_weights_names):
        written = (getattr(layer, name).detach() * 0.5).requires_grad_()
        layer._flat_weights[position] = written
        with torch.no_grad():
            getattr(bare, name).mul_(0.5)
        require_same(run(layer, x)[0], run(bare, x)[0], f"output with {name} written", eps=0)
    layer._flat_weights = [getattr(layer, name) for name in layer._flat_weights_names]
    bare.load_state_dict(layer.state_dict())
    require_same(run(layer, x)[0], run(bare, x)[0], "output with the list put back", eps=0)
    layer._flat_weights[0] = layer._flat_weights[0] * 0.5
    layer.weight_ih_l0 = nn.Parameter(bare.weight_ih_l0.detach().clone())
    require_same(run(layer, x)[0], run(bare, x)[0], "output with an attribute set", eps=0)


@check(needs=("num_layers", "dropout"))
def numbers_of_numpy(subject: Subject) -> None:
    """num_layers and dropout may be numbers of numpy, as of a search over np.arange."""
    try:
        import numpy as np
    except ImportError:
        raise CheckSkippedError("numpy is not installed") from None
    layer = subject.construct(I, H, num_layers=np.int64(2), dropout=np.float32(0.5))
    require_equal((layer.num_layers, layer.dropout), (2, 0.5), "num_layers and dropout:")
    output = run(layer.eval(), inputs(dtype=torch.float32))[0]
    require_equal(tuple(output.shape), (5, 4, H), "shape of the output")


@check()
def written_in_place(subject: Subject) -> None:
    """In float64 the output and the states may be written into before backward."""
    layer, x, hx = subject.build(), inputs(), states()

    def gradients(change: Callable[[Tensor], Tensor]) -> list[Tensor]:
        layer.zero_grad()
        backward(torch.cat([change(part).flatten() for part in run(layer, x, hx)]))
        return [gradient(p).clone() for p in layer.parameters()]

    expected = gradients(lambda part: part * 0.5)
    found = gradients(lambda part: part.mul_(0.5))
    names = [name for name, _ in layer.named_parameters()]
    require_all_same(found, expected, "has a gradient that", names=names)


@check(kind=CELL)
def state_written_in_place(subject: Subject) -> None:
    """The new state may be written into before backward, as where an episode ends."""
    cell, x = subject.build(), torch.randn(4, I, dtype=torch.float64)

    def gradients(change: Callable[[Tensor], Tensor]) -> list[Tensor]:
        cell.zero_grad()
        h, c = cell(x)
        h, c = cell(x, (change(h), change(c)))
        backward(torch.cat((change(h), change(c))))
        return [gradient(p).clone() for p in cell.parameters()]

    expected = gradients(lambda part: part * 0.5)
    found = gradients(lambda part: part.mul_(0.5))
    names = [name for name, _ in cell.named_parameters()]
    require_all_same(found, expected, "has a gradient that", names=names)
