"""The class under test: how it is constructed, what it is given, how its results are read."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rnnswap import discovery
from rnnswap.spec import CellSpec
from rnnswap.testing._asked import is_target
from rnnswap.testing._checks import CELL, LAYER
from rnnswap.testing._compare import require

I, H = 5, 6  # noqa: E741

Setting = Mapping[str, Any]
Results = tuple[Tensor, Tensor, Tensor]

#: Combinations of nn.LSTM's arguments that most checks run over.
SETTINGS: tuple[Setting, ...] = (
    {},
    {"num_layers": 2},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "dropout": 0.5},
    {"bias": False},
    {"batch_first": True, "num_layers": 2},
    {"proj_size": 2},
    {"proj_size": 2, "num_layers": 2, "bidirectional": True, "bias": False},
    {"hidden_size": 1},
)

#: For each argument of nn.LSTM, a call that asks for it.
ASKING: Mapping[str, Setting] = {
    "num_layers": {"num_layers": 2},
    "bias": {"bias": False},
    "batch_first": {"batch_first": True},
    "dropout": {"num_layers": 2, "dropout": 0.5},
    "bidirectional": {"bidirectional": True},
    "proj_size": {"proj_size": 2},
    "device": {"device": "meta"},
    "dtype": {"dtype": torch.float64},
}


class Subject:
    """A class under test.

    Args:
        cls: Stands for nn.LSTM or nn.LSTMCell.
        options: Keyword-only extras handed to every construction.
        unsupported: Arguments of nn.LSTM that the class declares it cannot honour.
        spec: Its record in the registry, if it has one.
    """

    def __init__(
        self,
        cls: type[nn.Module],
        options: Mapping[str, Any],
        unsupported: frozenset[str],
        spec: CellSpec | None,
    ) -> None:
        self.cls = cls
        self.options = dict(options)
        self.unsupported = unsupported
        self.spec = spec
        self.kind = kind_of(cls, spec)
        self.torch_class: Any = nn.LSTM if self.kind == LAYER else nn.LSTMCell
        self._found: dict[str, Any] = {}

    @property
    def is_torchs(self) -> bool:
        """True if the class is torch's own."""
        return self.cls is self.torch_class

    def construct(self, *args: Any, **kwargs: Any) -> Any:
        """Return an instance of exactly this call, with the options."""
        return self.cls(*args, **kwargs, **self.options)

    def build(
        self, setting: Setting | None = None, dtype: torch.dtype = torch.float64, **more: Any
    ) -> Any:
        """Return an instance in eval mode: dropout and batch norm stay out of comparisons."""
        arguments = {**(setting or {}), **more}
        sizes = arguments.pop("input_size", I), arguments.pop("hidden_size", H)
        return self.construct(*sizes, **arguments).to(dtype).eval()

    def settings(self, *wanted: Setting) -> list[Setting]:
        """Return those of `wanted`, by default of SETTINGS, that use nothing unsupported."""
        return [s for s in wanted or SETTINGS if not self.unsupported & set(s)]

    def can(self, *arguments: str) -> bool:
        """True if the class declares none of these as unsupported."""
        return not self.unsupported & set(arguments)

    def deep(self, **more: Any) -> Setting:
        """Two layers and both directions where the class has them, with `more` where it can."""
        wanted = {"num_layers": 2, "bidirectional": True, **more}
        return {key: value for key, value in wanted.items() if self.can(key)}

    def once(self, key: str, make: Any) -> Any:
        """Return make(), called once for all checks that ask for `key`."""
        if key not in self._found:
            self._found[key] = make()
        return self._found[key]


def torch_layer(setting: Setting | None = None, dtype: torch.dtype = torch.float64) -> Any:
    """Return nn.LSTM itself for a setting."""
    arguments = dict(setting or {})
    sizes = arguments.pop("input_size", I), arguments.pop("hidden_size", H)
    return nn.LSTM(*sizes, **arguments, dtype=dtype).eval()


def kind_of(cls: type[nn.Module], spec: CellSpec | None) -> str:
    """Say whether a class stands for nn.LSTM or for nn.LSTMCell."""
    if spec is not None:
        return LAYER if spec.target.endswith(f":{cls.__name__}") else CELL
    if issubclass(cls, nn.RNNCellBase):
        return CELL
    if issubclass(cls, nn.RNNBase):
        return LAYER
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return LAYER
    kinds = {p.kind for p in parameters}
    named = {p.name for p in parameters}
    open_ended = inspect.Parameter.VAR_POSITIONAL in kinds or inspect.Parameter.VAR_KEYWORD in kinds
    layer_only = {"num_layers", "batch_first", "bidirectional", "dropout"}
    return LAYER if open_ended or named & layer_only else CELL


def registered(cls: type) -> CellSpec | None:
    """Return the record whose target or cell_target is this class; imports nothing."""
    for entry in discovery.installed().cells:
        if is_target(cls, entry.spec.target) or is_target(cls, entry.spec.cell_target):
            return entry.spec
    return None


def inputs(
    setting: Setting | None = None,
    steps: int = 5,
    batch: int = 4,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Return random input (T, B, I), or (B, T, I) if the setting is batch_first."""
    x = torch.randn(steps, batch, I, dtype=dtype)
    return x.transpose(0, 1).contiguous() if (setting or {}).get("batch_first") else x


def states(
    setting: Setting | None = None, batch: int = 4, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Return a random (h_0, c_0) of nn.LSTM's shapes."""
    given = setting or {}
    rows = given.get("num_layers", 1) * (2 if given.get("bidirectional") else 1)
    width = given.get("hidden_size", H)
    read = given.get("proj_size", 0) or width
    return (
        torch.randn(rows, batch, read, dtype=dtype),
        torch.randn(rows, batch, width, dtype=dtype),
    )


def run(layer: Any, x: Tensor, hx: Any = None) -> Results:
    """Call a layer on a tensor and return output, h_n and c_n."""
    output, h_n, c_n = unpack(layer(x) if hx is None else layer(x, hx))
    require(
        isinstance(output, Tensor),
        f"expected output to be a tensor for tensor input, got {type(output).__name__}",
    )
    return output, h_n, c_n


def run_packed(layer: Any, x: PackedSequence, hx: Any = None) -> Any:
    """Call a layer on a PackedSequence and return output, h_n and c_n."""
    output, h_n, c_n = unpack(layer(x) if hx is None else layer(x, hx))
    require(
        isinstance(output, PackedSequence),
        f"expected output to be a PackedSequence for packed input, got {type(output).__name__}",
    )
    return output, h_n, c_n


def unpack(result: Any) -> Any:
    """Return the three tensors of `(output, (h_n, c_n))`."""
    expected = "expected forward to return (output, (h_n, c_n))"
    require(
        isinstance(result, tuple) and len(result) == 2 and not isinstance(result, PackedSequence),
        f"{expected}, got {_kind(result)}",
    )
    output, state = result
    require(
        isinstance(state, tuple) and len(state) == 2 and all(isinstance(s, Tensor) for s in state),
        f"{expected}, got {_kind(state)} as the state",
    )
    return output, *state


def _kind(value: Any) -> str:
    if isinstance(value, tuple) and not isinstance(value, PackedSequence):
        return f"a tuple of {len(value)}"
    return type(value).__name__
