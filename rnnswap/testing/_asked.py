"""What a caller asks to have checked: refused if it cannot be, named, and found in the registry."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from torch import nn

from rnnswap.errors import OptionError
from rnnswap.testing._checks import FULL, QUICK


def check_asked(cls: object, level: str) -> None:
    """Refuse what is no module class, and a level that there is not.

    Raises:
        OptionError: `level` is neither "quick" nor "full".
        TypeError: `cls` is not a torch.nn.Module class.
    """
    if level not in (QUICK, FULL):
        raise OptionError(f"level must be quick or full, got {level!r}")
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise TypeError(f"cls must be a torch.nn.Module class, got {cls!r}")


def title(cls: type, options: Mapping[str, Any]) -> str:
    """Return the class as `module.Class(options)`."""
    given = ", ".join(f"{key}={value!r}" for key, value in options.items())
    name = f"{cls.__module__}.{cls.__qualname__}"
    return f"{name}({given})" if given else name


def is_target(cls: type, target: str | None) -> bool:
    """Return whether a record's target is this class; imports nothing."""
    module, _, name = (target or "").partition(":")
    place = sys.modules.get(module)
    # A module may make what it is asked for: it is asked for this class alone.
    asked = place is not None and (name == cls.__name__ or name in vars(place))
    return asked and getattr(place, name, None) is cls
