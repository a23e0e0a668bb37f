"""What a layer was constructed with, read off the layer."""

from __future__ import annotations

from typing import Any

from torch import nn

from rnnswap.constructors import chosen_options
from rnnswap.patch._intercept import torchs_own
from rnnswap.spec import LAYER_ARGUMENTS


def arguments_of(layer: nn.Module) -> dict[str, Any]:
    """Return those of nn.LSTM's arguments (or nn.LSTMCell's) that a layer keeps, dropout aside."""
    return {name: getattr(layer, name) for name in LAYER_ARGUMENTS if hasattr(layer, name)}


def bare_twin(layer: nn.Module) -> nn.Module:
    """Return what `layer`'s class makes of the same arguments, without memory.

    What `layer` has and its twin has not was put there by somebody else.
    """
    with torchs_own():
        return type(layer)(**arguments_of(layer), **chosen_options(layer), device="meta")
