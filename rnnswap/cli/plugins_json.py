"""`rnnswap plugins --json`: the registries as plain data."""

from __future__ import annotations

from typing import Any

from rnnswap.discovery import Failure, Plugins
from rnnswap.registry import Entry
from rnnswap.spec import OptionSpec


def described_plugins(found: Plugins) -> dict[str, Any]:
    """Return what is registered, and what failed, as lists of mappings."""
    return {
        "cells": [_entry(e) for e in found.cells],
        "attentions": [_entry(e) for e in found.attentions],
        "policies": [_entry(e) for e in found.policies],
        "problems": [_failure(f) for f in found.failures],
    }


def unsupported(spec: Any) -> list[str]:
    """Return the names among nn.LSTM's arguments that a record declares as unsupported."""
    return sorted(getattr(spec, "unsupported", ()))


def _entry(entry: Entry[Any]) -> dict[str, Any]:
    spec, provider = entry.spec, entry.provider
    described = {
        "name": entry.name,
        "distribution": provider.distribution,
        "version": provider.version,
        "entry": provider.entry,
        "target": spec.target,
        "summary": spec.summary,
        "options": {name: _option(option) for name, option in spec.options.items()},
    }
    for field in ("cell_target", "transfers", "numbers"):
        if hasattr(spec, field):
            described[field] = getattr(spec, field)
    if hasattr(spec, "unsupported"):
        described["unsupported"] = unsupported(spec)
    return described


def _option(option: OptionSpec) -> dict[str, Any]:
    return {"type": option.type.__name__, "default": option.default, "help": option.help}


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "distribution": failure.provider.distribution,
        "version": failure.provider.version,
        "entry": failure.provider.entry,
        "reason": failure.reason,
    }
