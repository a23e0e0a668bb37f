"""Calls of a layer of which the last state alone is read, so that attention has no effect there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from rnnswap.patch.source import codes
from rnnswap.patch.source.names import Names
from rnnswap.patch.source.spelling import dotted, last_name
from rnnswap.patch.source.weights import is_integer
from rnnswap.spec import Finding


def find_state_only(names: Names, constructed: Iterable[cst.CSTNode]) -> list[Finding]:
    """Return the calls of layers whose output is dropped and whose state is kept.

    A layer is known by the last name of what its construction is assigned to: `rnn` of
    `self.rnn = nn.LSTM(8, 16)`.

    Args:
        names: The names of the module.
        constructed: The calls that construct the layers.
    """
    layers = {name for call in constructed for name in _assigned(names, call)}
    if not layers:
        return []
    found = []
    for node in names.nodes():
        if isinstance(node, cst.Call) and last_name(node.func) in layers:
            kept = _state_alone(names, node)
            if kept is not None:
                spelled = dotted(node.func) or last_name(node.func)
                message = (
                    f"{spelled}(...) is read for {kept} alone, which attention leaves as it is"
                )
                found.append(Finding(*names.place(node), codes.STATE_ONLY, message))
    return found


def _assigned(names: Names, call: cst.CSTNode) -> Iterator[str]:
    statement = names.parent(call)
    if isinstance(statement, cst.Assign):
        yield from (last_name(target.target) for target in statement.targets)
    elif isinstance(statement, cst.AnnAssign):
        yield last_name(statement.target)


def _state_alone(names: Names, call: cst.Call) -> str | None:
    """Return what is kept of the call in words, None if its output is read or may be."""
    around = names.parent(call)
    if isinstance(around, cst.Subscript) and around.value is call:
        index = around.slice[0].slice
        return (
            "its state" if isinstance(index, cst.Index) and is_integer(index.value, "1") else None
        )
    if not isinstance(around, cst.Assign) or len(around.targets) != 1:
        return None
    target = around.targets[0].target
    if not isinstance(target, cst.Tuple) or len(target.elements) != 2:
        return None
    output, state = (element.value for element in target.elements)
    if not isinstance(output, cst.Name) or _is_read(names, output):
        return None
    return " ".join(names.code(state).split())


def _is_read(names: Names, target: cst.Name) -> bool:
    """Return whether the name is read anywhere in the function, or the module, around `target`."""
    around = (a for a in names.ancestors(target) if isinstance(a, cst.FunctionDef | cst.Lambda))
    scope = next(around, names.module)
    return any(
        chain.value == target.value and (scope is names.module or scope in names.ancestors(chain))
        for chain in names.chains()
        if isinstance(chain, cst.Name) and names.is_read(chain)
    )
