"""Star imports: which a module has, and which may bind an imported name anew. Imports libcst."""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

import libcst as cst

from rnnswap.patch.source.names import Names
from rnnswap.patch.source.spelling import dotted

# A star import of these binds no recurrent layer, or torch's own.
_HARMLESS = frozenset({"matplotlib", "numpy", "pandas", "pylab", "scipy", "torch"})


class Star(NamedTuple):
    """`from module import *`; the module has leading dots where it is relative."""

    module: str
    line: int


def find_stars(names: Names) -> list[Star]:
    """Return the star imports of a module in their order."""
    if not re.search(r"import\s*\*", names.text):
        return []
    finder = _Finder()
    names.module.visit(finder)
    return [Star(_module_of(node), names.place(node)[0]) for node in finder.found]


def last_foreign(stars: list[Star]) -> Star | None:
    """Return the last star import that may bind a class of the user's, whatever its name."""
    foreign = [star for star in stars if not _is_harmless(star.module)]
    return foreign[-1] if foreign else None


def _is_harmless(module: str) -> bool:
    package = module.partition(".")[0]
    return package in _HARMLESS or package in sys.stdlib_module_names


def _module_of(node: cst.ImportFrom) -> str:
    return "." * len(node.relative) + (dotted(node.module) if node.module else "")


class _Finder(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[cst.ImportFrom] = []

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:  # noqa: N802
        if isinstance(node.names, cst.ImportStar):
            self.found.append(node)
