"""`rnnswap plugins new`: a package that installs, registers itself and passes its own tests."""

from __future__ import annotations

import importlib.resources
import keyword
import os
import re
import shlex
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

import click

import rnnswap
from rnnswap import discovery
from rnnswap.cli._console import results
from rnnswap.errors import OptionError
from rnnswap.registry import Registry

_ARTICLES = {
    "cell": "a recurrent cell",
    "attention": "an attention mechanism",
    "clip": "a gradient clipping policy",
}
_SUFFIXES = {"cell": "", "attention": "Attention", "clip": "Clip"}
_TRIAL = {
    "cell": ("rnnswap plugins check {}", "rnnswap train --cell {} SCRIPT"),
    "attention": (
        "rnnswap plugins check {}",
        "rnnswap train --cell janet --attention {} SCRIPT",
    ),
    "clip": ("rnnswap plugins check {}:2.5", "rnnswap train --clip {}:2.5 SCRIPT"),
}


@click.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice([*_ARTICLES]),
    default="cell",
    show_default=True,
    help="What the package provides: a cell, an attention mechanism or a clipping policy.",
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Folder in which the package's folder is made.",
)
def new(name: str, kind: str, into: Path) -> None:
    """Write a package for a cell, an attention mechanism or a clipping policy of your own.

    Makes a folder rnnswap-NAME with pyproject.toml, README, the class, what registers it, and tests
    that pass. NAME is what users write after --cell, --attention or --clip.

    Exits with 2, and writes nothing, if the folder exists or the name is taken or not valid.
    """
    _check(name, kind)
    folder = into / f"rnnswap-{name}"
    if folder.exists():
        raise OptionError(f"{folder} exists already; nothing was written")
    words = _words(name, kind)
    for path, text in _files(kind, words):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(text).substitute(words), "utf-8")
    out = results()
    out.print(f"wrote {folder}: {kind}.py has the class, plugin.py registers it", markup=False)
    out.print("next:", markup=False)
    # pip takes a bare name for one of an index.
    shown = shlex.quote(str(folder) if folder.is_absolute() else f".{os.sep}{folder}")
    for line in (
        f"pip install -e {shown}",
        f"pytest -c {shown}/pyproject.toml {shown}",
        *(line.format(name) for line in _TRIAL[kind]),
    ):
        out.print(f"  {line}", markup=False)


def _check(name: str, kind: str) -> None:
    """Refuse a name that no distribution can have, or that somebody has.

    Raises:
        OptionError: It is not valid or taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise OptionError(
            f"name {name!r} is not lower case letters, digits and single hyphens, letter first"
        )
    found = discovery.installed()
    kinds: dict[str, Registry] = {  # type: ignore[type-arg]
        "cell": found.cells,
        "attention": found.attentions,
        "clip": found.policies,
    }
    if name in kinds[kind]:
        entry = kinds[kind].get(name)
        raise OptionError(f"{kinds[kind].kind} {name!r} is already provided by {entry.provider}")


def _words(name: str, kind: str) -> dict[str, str]:
    """Return what the templates ask for."""
    title = "".join(part.capitalize() for part in name.split("-"))
    title = title.removesuffix(_SUFFIXES[kind]) + _SUFFIXES[kind]
    return {
        "name": name,
        "distribution": f"rnnswap-{name}",
        "package": f"rnnswap_{name.replace('-', '_')}",
        "cls": f"{title}Layer" if keyword.iskeyword(title) else title,
        "article": _ARTICLES[kind],
        "version": rnnswap.__version__,
    }


def _files(kind: str, words: dict[str, str]) -> Iterator[tuple[Path, str]]:
    """Yield the place within the package's folder and the template of each file."""
    templates = importlib.resources.files("rnnswap.cli") / "templates"
    for part in ("common", kind):
        for file in sorted((templates / part).iterdir(), key=lambda f: f.name):
            yield _place(file, words), file.read_text("utf-8")


def _place(file: Traversable, words: dict[str, str]) -> Path:
    name = file.name.removesuffix(".txt")
    if name == "test.py":
        return Path("tests", f"test_{words['package']}.py")
    return Path(words["package"], name) if name.endswith(".py") else Path(name)
