"""Defaults from `[tool.rnnswap]` of a pyproject.toml, for the options of `patch` and `scan`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from rnnswap.errors import OptionError, RnnswapError

#: Every key the table may have: the long options of the two commands that are not about one run.
KEYS = (
    "attention",
    "cell",
    "cell-arg",
    "clip",
    "fail-on",
    "format",
    "ignore",
    "jobs",
    "max-size",
    "select",
    "source",
)
_NAME = "pyproject.toml"


def find_file(path: str) -> str | None:
    """Return the nearest pyproject.toml in or above the folder that `path` is or lies in."""
    folder = os.path.realpath(path)
    while True:
        candidate = os.path.join(folder, _NAME)  # noqa: PTH118  (cheaper by far, at every start)
        if os.path.isfile(candidate):  # noqa: PTH113
            return candidate
        folder, last = os.path.dirname(folder), folder  # noqa: PTH120
        if folder == last:
            return None


def read_defaults(file: str, ctx: click.Context) -> dict[str, Any]:
    """Return the defaults that a pyproject.toml has for the command that runs, by parameter.

    Raises:
        OptionError: The file cannot be read, or the table has an unknown key or a bad value.
    """
    name = _shown(file)
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise OptionError(f"{name}: cannot be read: {(error.strerror or '').lower()}") from error
    if b"rnnswap" not in data:
        return {}
    table = _table(data, name)
    for key in table:
        if key not in KEYS:
            known = ", ".join(KEYS)
            raise OptionError(f"{name}: [tool.rnnswap] has no key {key!r} (keys: {known})")
    parameters = {param.name: param for param in ctx.command.params}
    found = {}
    for key, value in table.items():
        parameter = parameters.get(key.replace("-", "_"))
        if parameter is not None and parameter.name is not None:
            found[parameter.name] = _checked(value, parameter, ctx, f"{name}: [tool.rnnswap] {key}")
    return found


def _table(data: bytes, name: str) -> Mapping[str, Any]:
    import tomllib

    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{name}: cannot be parsed as TOML: {error}") from error
    tool = document.get("tool", {})
    table = tool.get("rnnswap", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise OptionError(f"{name}: tool.rnnswap must be a table, got {table!r}")
    return table


def _checked(value: Any, parameter: click.Parameter, ctx: click.Context, place: str) -> Any:
    """Return a value as the option's text, having seen that the option takes it."""
    if parameter.multiple if isinstance(parameter, click.Option) else False:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise OptionError(f"{place} must be a string or a list of strings, got {value!r}")
        value = texts
    elif isinstance(value, bool) or not isinstance(value, str | int):
        raise OptionError(f"{place} must be a string or a number, got {value!r}")
    else:
        value = str(value)
    try:
        parameter.type_cast_value(ctx, value)
    except click.UsageError as error:
        raise OptionError(f"{place}: {error.message}") from error
    except RnnswapError as error:
        raise OptionError(f"{place}: {error}") from error
    return value


def _shown(file: str) -> str:
    """Return the file's path as short as it can be said from here."""
    relative = os.path.relpath(file)
    return click.format_filename(file if relative.startswith(os.pardir) else relative)
