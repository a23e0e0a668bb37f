"""Which class is replaced by which, for the live-model and the runtime route alike."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from rnnswap.discovery import installed, load_class
from rnnswap.errors import UnsupportedError
from rnnswap.patch import _as_lstm
from rnnswap.registry import Entry
from rnnswap.spec import LSTM_ARGUMENTS, CellSpec, load_target, refuse_unsupported


@dataclass(frozen=True, slots=True)
class Replacement:
    """`source` is replaced by `target`, constructed with the extra keyword arguments `options`.

    `target` is None where the cell has nothing to put there (nn.LSTMCell, mostly); `lack` says so.
    """

    spec: CellSpec
    source: type[nn.Module]
    target: type[nn.Module] | None
    options: Mapping[str, Any]
    lack: str = ""

    def construct(self, *args: Any, **kwargs: Any) -> nn.Module:
        """Return a new layer for nn.LSTM's arguments."""
        assert self.target is not None
        self.refuse_unsupported(args, kwargs)
        return self.target(*args, **kwargs, **self.options)

    def transferred(self, old: nn.Module, arguments: Mapping[str, Any]) -> nn.Module:
        """Return a layer like `old`, an nn.LSTM made with `arguments`, with its weights."""
        assert self.target is not None
        self.refuse_unsupported((), arguments)
        from_lstm = getattr(self.target, "from_lstm", None)
        if from_lstm is None:
            raise UnsupportedError(f"{self.target.__name__} takes over no weights (no from_lstm)")
        made: nn.Module = from_lstm(old, **self.options)
        return made

    def refuse_unsupported(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Raise UnsupportedError if the call uses what the cell declares it cannot do."""
        given = dict(zip(LSTM_ARGUMENTS, args, strict=False)) | dict(kwargs)
        refuse_unsupported(f"cell {self.spec.name!r}", self.spec.unsupported, given)


def replacements(
    cell: str,
    source: str,
    attention: str | None,
    options: Mapping[str, Any] | None,
    as_lstm: bool = False,
) -> tuple[Replacement, ...]:
    """Return what replaces the source cell's layer and, where it has one, its single-step class.

    Raises:
        UnknownNameError: A name is not installed.
        OptionError: The cell has no such option.
        PluginError: A class cannot be imported or is no module.
        SwapError: With `as_lstm`, a class cannot be made an nn.LSTM as well.
    """
    entries = [installed().cells.get(name) for name in (cell, source)]
    wanted, given = (entry.spec for entry in entries)
    wanted.check_options(options or {})
    options = dict(options or {})
    layer = load_class(entries[0])
    if attention is not None:
        layer = load_target("rnnswap:with_attention")(layer, attention)
    found = [Replacement(wanted, load_class(entries[1]), layer, options)]
    if given.cell_target is not None:
        # Attention over steps has no meaning for a class that runs one step.
        replaced = load_class(entries[1], given.cell_target)
        found.append(_single_step(entries[0], replaced, options))
    return tuple(map(_as_torchs, found) if as_lstm else found)


def _as_torchs(pair: Replacement) -> Replacement:
    target = None if pair.target is None else _as_lstm.as_lstm(pair.target)  # type: ignore[arg-type]
    return replace(pair, target=target)


def _single_step(
    entry: Entry[CellSpec], source: type[nn.Module], options: Mapping[str, Any]
) -> Replacement:
    """Return what replaces a class that runs one step; nothing if it cannot honour the options."""
    wanted = entry.spec
    if wanted.cell_target is None:
        lack = f"cell {wanted.name!r} has no counterpart of {source.__name__}"
        return Replacement(wanted, source, None, options, lack)
    target = load_class(entry, wanted.cell_target)
    parameters = inspect.signature(target).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for name in options.keys() - parameters.keys():
            lack = f"{target.__name__}, its counterpart, has no option {name!r}"
            return Replacement(wanted, source, None, options, lack)
    return Replacement(wanted, source, target, options)


def reason_left(kind: type[nn.Module], pairs: Iterable[Replacement]) -> str | None:
    """Return why a module of class `kind` is left alone; None if it is not concerned."""
    for pair in pairs:
        own = _as_lstm.cell_of(kind) is pair.source
        if own and pair.target is None:
            return pair.lack
        if not own and _as_lstm.derives(kind, pair.source):
            return f"subclass of {pair.source.__name__}: it may rely on what it overrides"
    return None


def in_one_line(module: nn.Module) -> str:
    """Return a module's own repr, without its children's."""
    return f"{type(module).__name__}({module.extra_repr()})"


def describe(kind: type, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return a constructor call as text: `LSTM(8, 32, batch_first=True)`."""
    parts = [repr(a) for a in args] + [f"{key}={value!r}" for key, value in kwargs.items()]
    return f"{kind.__name__}({', '.join(parts)})"
