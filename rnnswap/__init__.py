"""Put another recurrent cell where torch.nn.LSTM is used: truthfully, fast and reversibly.

`import rnnswap` imports no torch: every public name is resolved on first use.
"""

from __future__ import annotations

from rnnswap import _started as _started  # isort: skip  (before any other: it notes what is loaded)

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnswap.attention._recurrent import with_attention as with_attention
    from rnnswap.cells._indrnn import IndRNN as IndRNN
    from rnnswap.cells._indrnn import IndRNNCell as IndRNNCell
    from rnnswap.cells._indrnn import IndRNNv2 as IndRNNv2
    from rnnswap.cells._janet import JANET as JANET
    from rnnswap.cells._janet import JANETCell as JANETCell
    from rnnswap.cells._layer import RecurrentLayer as RecurrentLayer
    from rnnswap.discovery import get_attention as get_attention
    from rnnswap.discovery import get_cell as get_cell
    from rnnswap.discovery import list_attentions as list_attentions
    from rnnswap.discovery import list_cells as list_cells
    from rnnswap.discovery import list_clip_policies as list_clip_policies
    from rnnswap.errors import ClipError as ClipError
    from rnnswap.errors import DuplicateNameError as DuplicateNameError
    from rnnswap.errors import KernelUnavailableError as KernelUnavailableError
    from rnnswap.errors import NoEffectWarning as NoEffectWarning
    from rnnswap.errors import OptionError as OptionError
    from rnnswap.errors import PluginError as PluginError
    from rnnswap.errors import ReportError as ReportError
    from rnnswap.errors import RewriteError as RewriteError
    from rnnswap.errors import RnnswapError as RnnswapError
    from rnnswap.errors import ScriptError as ScriptError
    from rnnswap.errors import SwapError as SwapError
    from rnnswap.errors import UnknownNameError as UnknownNameError
    from rnnswap.errors import UnsupportedError as UnsupportedError
    from rnnswap.hookspecs import hookimpl as hookimpl
    from rnnswap.patch._checkpoint import load_state_dict_ as load_state_dict_
    from rnnswap.patch._model import swap_ as swap_
    from rnnswap.patch._report import SwapReport as SwapReport
    from rnnswap.patch._runtime import patched as patched
    from rnnswap.patch.source import rewrite_source as rewrite_source
    from rnnswap.spec import AttentionSpec as AttentionSpec
    from rnnswap.spec import CellSpec as CellSpec
    from rnnswap.spec import ClipSpec as ClipSpec
    from rnnswap.spec import OptionSpec as OptionSpec

_HOMES = {
    "attention._recurrent": ("with_attention",),
    "cells._indrnn": ("IndRNN", "IndRNNCell", "IndRNNv2"),
    "cells._janet": ("JANET", "JANETCell"),
    "cells._layer": ("RecurrentLayer",),
    "discovery": (
        "get_attention",
        "get_cell",
        "list_attentions",
        "list_cells",
        "list_clip_policies",
    ),
    "errors": (
        "ClipError",
        "DuplicateNameError",
        "KernelUnavailableError",
        "NoEffectWarning",
        "OptionError",
        "PluginError",
        "ReportError",
        "RewriteError",
        "RnnswapError",
        "ScriptError",
        "SwapError",
        "UnknownNameError",
        "UnsupportedError",
    ),
    "hookspecs": ("hookimpl",),
    "patch._checkpoint": ("load_state_dict_",),
    "patch._model": ("swap_",),
    "patch._report": ("SwapReport",),
    "patch._runtime": ("patched",),
    "patch.source": ("rewrite_source",),
    "spec": ("AttentionSpec", "CellSpec", "ClipSpec", "OptionSpec"),
}
_MODULES = ("attention", "clip", "testing")
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted((*_HOME_OF, *_MODULES))


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"rnnswap.{name}")
    if name == "__version__":
        import importlib_metadata

        return importlib_metadata.version("rnnswap")
    if name.startswith("with_attention_"):  # what pickle knows one of its classes by
        from rnnswap.attention._recurrent import made_by_name

        return made_by_name(name)
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'rnnswap' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"rnnswap.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
