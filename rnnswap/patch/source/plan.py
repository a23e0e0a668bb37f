"""What is to be replaced by what: names taken from the registry. Imports no torch, no libcst."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from rnnswap import discovery
from rnnswap.errors import OptionError
from rnnswap.spec import CellSpec

if TYPE_CHECKING:
    from rnnswap.patch.source.clip.policy import Clipping

#: The name under which torch's own LSTM is registered.
LSTM = "lstm"
#: The class factory that puts attention over a cell.
WITH_ATTENTION = "rnnswap:with_attention"

# torch.nn's classes can be reached through each of these modules.
_TORCH_MODULES = ("torch.nn", "torch.nn.modules", "torch.nn.modules.rnn")
# torch's other recurrent layers, which people may take for replaced too.
_OTHERS = ("GRU", "RNN", "GRUCell", "RNNCell")
_OTHER_WORDS = re.compile(r"\b(?:GRU|RNN)(?:Cell)?\b")
_GETATTR = "getattr("
# A recurrent layer chosen while the program runs, in a file that need not spell any.
_CHOSEN = re.compile(
    r"getattr\(\s*(?:\w+\.)*(?:nn|modules|rnn)\s*,"
    # by a variable's name, or a name put together of parts
    r"(?:[^()]*?(?i:rnn|lstm|cell|recur)|\s*[rR]?[fF]['\"]|[^()]*?(?:['\"]\s*\+|\+\s*['\"]))"
)


class Origin(NamedTuple):
    """A class to be replaced: whose it is, and whether it is the layer or the one-step class."""

    spec: CellSpec
    layer: bool

    @property
    def target(self) -> str:
        """Return the class's own target."""
        if self.layer:
            return self.spec.target
        assert self.spec.cell_target is not None
        return self.spec.cell_target

    @property
    def class_name(self) -> str:
        """Return the class's name."""
        return self.target.rpartition(":")[2]


class Plan(NamedTuple):
    """One rewriting, resolved against the registry.

    Args:
        cell: What is written.
        sources: What is replaced.
        attention: Name of the mechanism put over the cell, or None.
        options: Keyword arguments to append to constructor calls.
        clipping: The policy to put into training loops, or None.
        leave: Codes of edits that are not made, nor reported.
    """

    cell: CellSpec
    sources: tuple[CellSpec, ...]
    attention: str | None = None
    options: Mapping[str, Any] = MappingProxyType({})
    clipping: Clipping | None = None
    leave: frozenset[str] = frozenset()

    @property
    def unwraps(self) -> bool:
        """Return whether attention is taken away: the way back to torch's LSTM."""
        return self.cell.name == LSTM and self.attention is None

    def origins(self) -> dict[str, Origin]:
        """Return the classes to be replaced by each dotted name they can be reached under."""
        found: dict[str, Origin] = {}
        for spec in self.sources:
            for origin in (Origin(spec, True), Origin(spec, False)):
                if not origin.layer and spec.cell_target is None:
                    continue
                for name in spellings(origin.target):
                    found.setdefault(name, origin)
        return found

    def modules(self) -> frozenset[str]:
        """Return the modules, with their parents, in which those classes live."""
        names = {name.rpartition(".")[0] for name in self.origins()}
        return frozenset(
            ".".join(parts[: count + 1])
            for parts in (name.split(".") for name in names)
            for count in range(len(parts))
        )

    def others(self) -> frozenset[str]:
        """Return torch's recurrent classes that someone who replaces its LSTM may expect to go."""
        if all(spec.name != LSTM for spec in self.sources) or self.cell.name == LSTM:
            return frozenset()
        return frozenset(f"{module}.{name}" for module in _TORCH_MODULES for name in _OTHERS)

    def words(self) -> tuple[str, ...]:
        """Return words without any of which, or of those below, a text has nothing for the plan."""
        layers = [spec.target.rpartition(":")[2] for spec in self.sources]
        cells = [origin.class_name for origin in self.origins().values() if not origin.layer]
        cells = [name for name in cells if not any(layer in name for layer in layers)]
        loops = self.clipping.words() if self.clipping is not None else ()
        return tuple(dict.fromkeys([*layers, *cells, *loops]))

    def may_match(self, text: str) -> bool:
        """Return whether `text` may hold something to be changed or reported at all."""
        return self.may_clip(text) or self.may_replace(text)

    def may_clip(self, text: str) -> bool:
        """Return whether `text` may hold a training loop to be clipped."""
        return self.clipping is not None and any(word in text for word in self.clipping.words())

    def may_replace(self, text: str) -> bool:
        """Return whether `text` may hold a class to be replaced or reported."""
        if any(origin.class_name in text for origin in self.origins().values()):
            return True
        if not self.others() or "torch" not in text:
            return False
        return _OTHER_WORDS.search(text) is not None or _CHOSEN.search(text) is not None

    def words_with_torch(self) -> tuple[str, ...]:
        """Return words that count in a text that names torch too."""
        return ("GRU", "RNN", _GETATTR) if self.others() else ()

    def target_for(self, origin: Origin) -> str | None:
        """Return the target of what replaces `origin`, or None if the cell has nothing there."""
        if origin.layer:
            return self.cell.target
        return None if self.attention is not None else self.cell.cell_target


def make_plan(
    cell: str = "janet",
    source: str | None = None,
    attention: str | None = None,
    options: Mapping[str, Any] | None = None,
    clip: str | None = None,
) -> Plan:
    """Look the names up and check that they go together.

    Args:
        cell: Name of the cell to write.
        source: Name of the cell to replace; None is torch's LSTM, or with the cell "lstm" every
            other cell.
        attention: Name of the mechanism to put over the cell.
        options: Values of the cell's options.
        clip: Clipping policy such as "norm:1.0" to put into training loops.

    Raises:
        UnknownNameError: No such cell, mechanism or policy is installed.
        ClipError: The policy is malformed or a bound is out of range.
        OptionError: The cell has no such option, its value cannot be written as a literal, or
            source and cell are the same.
    """
    target = discovery.find_cell(cell)
    if attention is not None:
        discovery.find_attention(attention)
    target.check_options(options or {})
    for name, value in (options or {}).items():
        _check_literal(name, value)
    if source is None and target.name == LSTM:
        # LSTM itself too: with attention around it, it is not yet what it was.
        sources = tuple(entry.spec for entry in discovery.installed().cells)
    else:
        sources = (discovery.find_cell(source or LSTM),)
        if attention is None and sources[0].target == target.target:
            raise OptionError(f"cell and source are both {cell!r}: nothing would change")
    plan = Plan(target, sources, attention, dict(options or {}))
    if clip is None:
        return plan
    from rnnswap.patch.source.clip.policy import make_clipping

    return plan._replace(clipping=make_clipping(clip))


def spellings(target: str) -> list[str]:
    """Return every dotted name under which the class of `target` can be reached."""
    module, _, name = target.partition(":")
    modules = _TORCH_MODULES if module in _TORCH_MODULES else (module,)
    return [f"{m}.{name}" for m in modules]


def _check_literal(name: str, value: object) -> None:
    try:
        same = ast.literal_eval(repr(value)) == value
    except (ValueError, SyntaxError):
        same = False
    if not same:
        raise OptionError(f"option {name}: {value!r} cannot be written as a literal")
