"""Puts the cells into a model that a state dict says were there when it was saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from rnnswap.discovery import installed
from rnnswap.patch._model import swap_
from rnnswap.patch._places import walk
from rnnswap.patch._report import SwapReport
from rnnswap.spec import CELL_CLASSES, CELL_OPTIONS


def put_saved_cells(model: nn.Module, metadata: Mapping[str, Any]) -> list[SwapReport]:
    """Replace every nn.LSTM and nn.LSTMCell in whose place a cell was saved by that cell.

    The model itself is no place, nor is one whose cell is not installed: loading says what it is.

    Args:
        model: Changed in place.
        metadata: Of the state dict, by the dotted names of modules.

    Returns:
        A report for each replaced layer; `undo()` takes it back.
    """
    reports: list[SwapReport] = []
    for path, module in [*walk(model)]:
        saved = metadata.get(path, {})
        name = _installed_cell(saved.get(CELL_CLASSES, ()))
        if path and name is not None and type(module) in (nn.LSTM, nn.LSTMCell):
            if any(module is one.before for report in reports for one in report.swapped):
                continue  # under another name as well
            try:
                options = saved.get(CELL_OPTIONS, {})
                reports.append(swap_(model, name, where=path, options=options))
            except BaseException:
                take_back(reports)
                raise
    return reports


def take_back(reports: list[SwapReport]) -> None:
    """Undo all, the last first."""
    while reports:
        reports.pop().undo()


def _installed_cell(classes: Any) -> str | None:
    """Return the name of the first installed cell among class names, as targets name them."""
    targets: dict[str, str] = {}
    for entry in installed().cells:
        for target in (entry.spec.target, entry.spec.cell_target):
            if target and not target.startswith("torch."):
                targets.setdefault(target, entry.name)
    return next((targets[name] for name in classes if name in targets), None)
