"""Classes that are a cell and an nn.LSTM, for code that asks isinstance(layer, nn.LSTM).

Each is a real subclass of both, the cell first, so that all of its behaviour is the cell's: torch's
copies, wrappers and parametrizations make subclasses and instances of it as of any class.
"""

from __future__ import annotations

import copyreg
import functools
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch import nn

from rnnswap.errors import SwapError
from rnnswap.spec import load_target


@functools.cache
def as_lstm(cell: type[nn.Module]) -> type[nn.Module]:
    """Return a class that is `cell` and nn.LSTM, or nn.LSTMCell where `cell` runs one step.

    The same cell gives the same class, which can be pickled, as can its instances.

    Args:
        cell: Derives from `RecurrentLayer` or is a single-step cell of rnnswap; a class that is
            torch's already comes back as it is.

    Raises:
        SwapError: `cell` is none of these: its constructor would come upon nn.LSTM's.
    """
    torchs: type[nn.Module] = nn.LSTMCell if issubclass(cell, nn.RNNCellBase) else nn.LSTM
    if issubclass(cell, torchs):
        return cell
    if not issubclass(cell, _cells()):
        raise SwapError(
            f"{cell.__name__} cannot be made an nn.LSTM as well: only classes that derive from "
            "rnnswap.RecurrentLayer can; leave as_lstm out"
        )
    name = f"{cell.__name__}AsLSTM"
    members = {
        "_stands_for": cell,
        "forward": _uncompiled(cell),
        "_is_hf_initialized": load_target("rnnswap.ops._memory:UndoesTransformers")(),
        "__module__": cell.__module__,
        "__qualname__": name,
        "__doc__": f"{cell.__name__}, and a torch.nn.{torchs.__name__} to whoever asks.\n\n"
        f"{cell.__doc__ or ''}",
    }
    return _type_of(type(cell))(name, (cell, torchs), members)  # type: ignore[no-any-return, arg-type]


def _cells() -> tuple[type, ...]:
    return load_target("rnnswap:RecurrentLayer"), load_target("rnnswap.cells._cell:RecurrentCell")


def _uncompiled(cell: type[nn.Module]) -> Callable[..., Any]:
    """Return a forward that Dynamo leaves alone, as it leaves that of an nn.LSTM.

    It would go on with the functions that are called inside, where a loop over steps is a higher
    order operator, which Dynamo refuses when the step belongs to an nn.LSTM.
    """

    @functools.wraps(cell.forward)
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Looking for it costs a second, and where it is not loaded nothing is compiled.
        call = _without_dynamo() if "torch._dynamo" in sys.modules else _call
        return call(cell.forward, self, *args, **kwargs)

    return forward


def _call(run: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return run(*args, **kwargs)


#: `_call` with Dynamo switched off, once there is one: Dynamo warns of a functools.cache.
_DISABLED: list[Callable[..., Any]] = []


def _without_dynamo() -> Callable[..., Any]:
    if not _DISABLED:
        _DISABLED.append(torch.compiler.disable(_call))  # type: ignore[no-untyped-call]
    return _DISABLED[0]


@functools.cache
def _type_of(meta: type) -> Any:
    """Return the metaclass by which pickle knows the classes made here: it makes them anew."""
    made = type("AsLSTMType", (meta,), {})
    copyreg.pickle(made, _reduce)
    return made


def _reduce(cls: Any) -> str | tuple[Any, ...]:
    if _made_here(cls):
        return as_lstm, (cls._stands_for,)
    return str(cls.__qualname__)  # a subclass of somebody's: by its name


def _made_here(kind: type) -> bool:
    return "_stands_for" in vars(kind)


def cell_of(kind: type[nn.Module]) -> type[nn.Module]:
    """Return the cell of a class made here; of any other the class itself."""
    found: type[nn.Module] = vars(kind).get("_stands_for", kind)
    return found


def derives(kind: type[nn.Module], source: type[nn.Module]) -> bool:
    """Whether a class is `source` or derives from it; a cell made an nn.LSTM here does not."""
    if not issubclass(kind, source):
        return False
    cells = [base._stands_for for base in kind.__mro__ if _made_here(base)]  # type: ignore[attr-defined]
    return not cells or any(issubclass(cell, source) for cell in cells)


#: What code raises that took another way because a layer is no nn.LSTM, wherever it ends.
_OF_ANOTHER_WAY = (TypeError, AttributeError, AssertionError, NotImplementedError, ValueError)


def advise(error: BaseException) -> None:
    """Add a note to an error raised beside a cell, in code that may have asked for an nn.LSTM.

    Code of torch and of rnnswap does not ask; what they raise counts as their caller's if it is of
    a kind that a state of another form causes. A second call adds nothing.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    foreign = [not _is_known(frame) for frame in frames]
    if not any(foreign) or not (foreign[-1] or isinstance(error, _OF_ANOTHER_WAY)):
        return
    last = next(f for f, theirs in zip(reversed(frames), reversed(foreign), strict=True) if theirs)
    kind = _cell_in([*last.f_locals.values()])
    if kind is None:
        return
    note = (
        f"rnnswap: {kind.__name__} is no subclass of torch.nn.LSTM; code that asks "
        "isinstance(layer, nn.LSTM) gets True with as_lstm=True (rnnswap train --as-lstm)"
    )
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def _is_known(frame: FrameType) -> bool:
    name = str(frame.f_globals.get("__name__"))
    return name.partition(".")[0] in ("torch", "rnnswap")


def _cell_in(values: list[Any]) -> type | None:
    """Return the class of a cell that is no nn.LSTM among values, or inside a module among them."""
    modules = [
        module for value in values if isinstance(value, nn.Module) for module in value.modules()
    ]
    for kind in map(type, modules):
        if issubclass(kind, _cells()) and not issubclass(kind, (nn.LSTM, nn.LSTMCell)):
            return kind
    return None
