"""Takes numbers out of tensors without making the loop wait for their device."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable


class Reading:
    """The numbers of many tensors on their way to the host: one copy for each device.

    From the CPU they are there at once. From an accelerator they are copied behind the work that
    is queued there, and `arrived` says when that is done.

    Args:
        tensors: Tensors of any device and real type.
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._order: list[tuple[torch.device, int]] = []
        groups: dict[torch.device, list[Tensor]] = {}
        for tensor in tensors:
            self._order.append((tensor.device, tensor.numel()))
            groups.setdefault(tensor.device, []).append(tensor.reshape(-1))
        self._copies = {device: _Copy(group, device) for device, group in groups.items()}

    def arrived(self) -> bool:
        """Whether `numbers` need not wait."""
        return all(copy.arrived() for copy in self._copies.values())

    def numbers(self) -> list[list[float]]:
        """Return the numbers of each tensor in turn; waits for what has not arrived."""
        flat = {device: iter(copy.numbers()) for device, copy in self._copies.items()}
        return [list(itertools.islice(flat[device], count)) for device, count in self._order]


class _Copy:
    """Tensors of one device on their way, laid end to end."""

    def __init__(self, group: list[Tensor], device: torch.device) -> None:
        # MPS has no float64.
        dtype = torch.float32 if device.type == "mps" else torch.float64
        with torch.no_grad():
            self._tensor = torch.cat(group).to(dtype)
        self._event: torch.Event | None = None
        self._there = device.type == "cpu"
        if not self._there:
            self._start(device)

    def _start(self, device: torch.device) -> None:
        try:
            event = torch.Event(device)
            # Into memory that torch pins for it, so that the host goes on.
            copy = self._tensor.to("cpu", non_blocking=True)
            event.record(torch.accelerator.current_stream(device))
        except (RuntimeError, NotImplementedError, ValueError):
            return  # no events there: it stays where it is, and reading it waits
        self._tensor, self._event = copy, event

    def arrived(self) -> bool:
        return self._there or (self._event is not None and self._event.query())

    def numbers(self) -> list[float]:
        if self._event is not None:
            self._event.synchronize()
        numbers: list[float] = self._tensor.tolist()
        return numbers
