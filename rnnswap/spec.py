"""Frozen records that describe what a plugin provides, and what the source patcher found.

A record names its class by a string, `"package.module:Class"`, so that listing plugins and
rewriting source imports neither torch nor the plugin's implementation. Only `load_target`
imports it.
"""

from __future__ import annotations

import importlib
import keyword
import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from rnnswap.errors import OptionError, PluginError, UnsupportedError, in_one_line

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

#: Arguments of nn.LSTM's constructor, in its positional order.
LSTM_ARGUMENTS = (
    "input_size",
    "hidden_size",
    "num_layers",
    "bias",
    "batch_first",
    "dropout",
    "bidirectional",
    "proj_size",
    "device",
    "dtype",
)

#: Those that a layer keeps as attributes of the same names, and from which another like it is made.
#: dropout is set afterwards: a constructor warns of it at depth one.
LAYER_ARGUMENTS = (
    "input_size",
    "hidden_size",
    "num_layers",
    "bias",
    "batch_first",
    "bidirectional",
    "proj_size",
)

#: What nn.LSTM does without being asked; any other value of an argument asks for something.
LSTM_DEFAULTS = {
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
    "proj_size": 0,
    "device": None,
    "dtype": None,
}

#: Among what a layer class declares unsupported, beside arguments: giving the same in chunks, with
#: the state carried over, as in one call.
CHUNKED_STATE = "chunked-state"
#: Another: a torch.jit.trace that is right at another length; one writes a loop over steps out.
TRACED_LENGTH = "traced-length"
#: Another: second derivatives, where torch has none of an operation.
SECOND_DERIVATIVES = "second-derivatives"
#: Another: rounding errors that stay small, where the cell's own dynamics amplify them.
ROUNDING = "rounding"

#: In the metadata of a state dict's modules: which cell saved it.
CELL_MARK = "rnnswap_cell"
#: Beside it: the classes by which the cell is found in the registry, and its options.
CELL_CLASSES = "rnnswap_classes"
CELL_OPTIONS = "rnnswap_options"

#: How the name of a class begins that `with_attention` made; the rest says of what.
MADE = "with_attention_"


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One keyword-only extra of a cell, attention mechanism or policy.

    Args:
        type: bool, int, float or str: how text from the command line is read.
        default: Value when the option is not given.
        help: One line for `rnnswap plugins`.
        choices: The values it may have; empty for any.
        above: It must be greater than this number.
        at_least: It must not be less than this number.
        below: It must be less than this number.
        at_most: It must not be greater than this number.
    """

    type: type
    default: Any = None
    help: str = ""
    choices: tuple[Any, ...] = ()
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if self.type not in (bool, int, float, str):
            raise PluginError(f"an option's type is bool, int, float or str, got {self.type!r}")

    def parse(self, name: str, text: str) -> Any:
        """Return `text` as this option's type.

        Raises:
            OptionError: `text` does not read as the type, or is out of range; names the option.
        """
        try:
            value = _BOOLEANS[text.lower()] if self.type is bool else self.type(text)
        except (KeyError, ValueError) as error:
            raise OptionError(
                f"option {name} takes {_article(self.type.__name__)}, got {text!r}"
            ) from error
        self._check(name, value)
        return value

    def _check(self, name: str, value: Any) -> None:
        if self.choices and value not in self.choices:
            raise OptionError(f"option {name} must be one of {self.choices}, got {value!r}")
        if (rule := self.broken_by(value)) is not None:
            raise OptionError(f"option {name} must be {rule}, got {value!r}")

    def broken_by(self, value: Any) -> str | None:
        """Return in words the bound that a number is beyond; None if it is within all."""
        # Written so that a nan satisfies nothing.
        bounds: tuple[tuple[str, float | None, Callable[[Any, Any], bool]], ...] = (
            ("greater than", self.above, lambda v, b: v > b),
            ("at least", self.at_least, lambda v, b: v >= b),
            ("less than", self.below, lambda v, b: v < b),
            ("at most", self.at_most, lambda v, b: v <= b),
        )
        for words, bound, holds in bounds:
            if bound is not None and not holds(value, bound):
                return f"{words} {bound}"
        return None if value == value else "a number"


@dataclass(frozen=True, slots=True)
class _Record:
    name: str
    target: str
    options: Mapping[str, OptionSpec] = field(default_factory=dict)
    summary: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise PluginError(
                f"name {self.name!r} is not lower case letters, digits and hyphens, letter first"
            )
        _check_target(self.name, self.target)
        if not isinstance(self.summary, str):
            raise PluginError(f"{self.name}: summary must be a string, got {self.summary!r}")
        if not isinstance(self.options, Mapping):
            raise PluginError(f"{self.name}: options must map names to OptionSpec records")
        object.__setattr__(self, "options", dict(self.options))  # a mapping may change, or raise
        for key, option in self.options.items():
            if not isinstance(key, str) or not key.isidentifier() or keyword.iskeyword(key):
                raise PluginError(f"{self.name}: option {key!r} cannot be a keyword argument")
            if not isinstance(option, OptionSpec):
                raise PluginError(f"{self.name}: option {key!r} is not an OptionSpec")

    def parse_options(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Read option values given as text, such as those of `--cell-arg`.

        Raises:
            OptionError: An option is unknown, or its value does not read as its type.
        """
        self.check_options(texts)
        return {key: self.options[key].parse(key, text) for key, text in texts.items()}

    def check_options(self, given: Mapping[str, Any]) -> None:
        """Raise OptionError if `given` is no mapping or has a key this record does not know."""
        if not isinstance(given, Mapping):
            raise OptionError(f"options are a mapping from names to values, got {given!r}")
        for key in given:
            if key not in self.options:
                known = ", ".join(sorted(self.options)) or "none"
                raise OptionError(f"{self.name!r} has no option {key!r} (options: {known})")


@dataclass(frozen=True, slots=True)
class CellSpec(_Record):
    """A recurrent layer that stands where nn.LSTM stands.

    Args:
        name: Lower case letters, digits and hyphens, a letter first.
        target: `"package.module:Class"`; the class takes nn.LSTM's constructor arguments.
        options: Keyword-only extras of the class.
        summary: One line for `rnnswap plugins`.
        cell_target: The class that stands where nn.LSTMCell stands, or None.
        unsupported: Names among nn.LSTM's arguments that the class cannot honour.
        transfers: True if the class has `from_lstm`.
    """

    cell_target: str | None = None
    unsupported: frozenset[str] = frozenset()
    transfers: bool = False

    def __post_init__(self) -> None:
        # Named in full: zero-argument super() does not survive the rebuilt class of slots=True.
        _Record.__post_init__(self)
        if self.cell_target is not None:
            _check_target(self.name, self.cell_target)
        for key in set(self.options) & set(LSTM_ARGUMENTS):
            raise PluginError(f"{self.name}: option {key!r} is an argument of nn.LSTM already")
        object.__setattr__(self, "unsupported", frozenset(self.unsupported))
        for argument in self.unsupported - set(LSTM_ARGUMENTS):
            raise PluginError(f"{self.name}: {argument!r} is not an argument of nn.LSTM")


@dataclass(frozen=True, slots=True)
class AttentionSpec(_Record):
    """An attention mechanism: a module mapping (query, key, value, mask) to (context, weights).

    Args:
        name: Lower case letters, digits and hyphens, a letter first.
        target: `"package.module:Class"`, constructed as
            `Class(query_size, key_size, device=..., dtype=..., **options)`.
        options: Keyword-only extras of the class.
        summary: One line for `rnnswap plugins`.
    """


@dataclass(frozen=True, slots=True)
class ClipSpec(_Record):
    """A gradient clipping policy, written `name:number,...,option=value`.

    Args:
        name: Lower case letters, digits and hyphens, a letter first.
        target: `"package.module:Class"`, constructed as `Class(*numbers, **options)`.
        options: What may follow the numbers as `option=value`.
        summary: One line for `rnnswap plugins`.
        numbers: Names of the numbers that must follow the colon, in order.
        bounds: What each of these may be, as far as it is bounded: checked where a policy is named,
            before the class is imported.
    """

    numbers: tuple[str, ...] = ()
    bounds: Mapping[str, OptionSpec] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _Record.__post_init__(self)
        named = isinstance(self.numbers, tuple) and all(isinstance(n, str) for n in self.numbers)
        if not named:
            raise PluginError(
                f"{self.name}: numbers must be a tuple of names, got {self.numbers!r}"
            )
        if not isinstance(self.bounds, Mapping):
            raise PluginError(f"{self.name}: bounds must map names to OptionSpec records")
        object.__setattr__(self, "bounds", dict(self.bounds))
        for key, bound in self.bounds.items():
            if key not in self.numbers or not isinstance(bound, OptionSpec):
                raise PluginError(f"{self.name}: bounds[{key!r}] is no OptionSpec of a number")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One place in a source file that uses an LSTM, and what was or must be done about it.

    Args:
        line: 1-based.
        column: 1-based, in characters.
        code: `RSW1xx` rewritten, `RSW2xx` left, `RSW3xx` rewritten but look here,
            `RSW9xx` could not be read.
        message: One line: what stands there and what happened to it, with the reason.
    """

    line: int
    column: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column} {self.code} {self.message}"


def refuse_unsupported(what: str, unsupported: Set[str], given: Mapping[str, Any]) -> None:
    """Refuse a constructor call that asks for what a cell declares it cannot honour.

    Args:
        what: The cell, for the message.
        unsupported: Names among nn.LSTM's arguments.
        given: The call's arguments by name.

    Raises:
        UnsupportedError: One of them is given and differs from nn.LSTM's default.
    """
    for name in sorted(unsupported & given.keys()):
        if given[name] != LSTM_DEFAULTS.get(name):
            raise UnsupportedError(
                f"{what} does not support {name}, asked for {name}={given[name]!r}"
            )


def load_target(target: str) -> Any:
    """Import and return what `"package.module:Name"` names.

    Raises:
        PluginError: The module cannot be imported or lacks the name.
    """
    module_name, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a stranger's module may raise anything, SystemExit included
        raise PluginError(f"target {target!r} cannot be loaded: {in_one_line(error)}") from error


def _check_target(name: str, target: object) -> None:
    well_formed = isinstance(target, str) and _TARGET.fullmatch(target)
    if not well_formed or any(keyword.iskeyword(w) for w in re.split("[.:]", str(target))):
        raise PluginError(f"{name}: target {target!r} is not of the form 'package.module:Class'")


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
