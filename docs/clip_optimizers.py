"""Optimizers of docs/clip_situations.py that do more in a step than torch's own."""

from __future__ import annotations

from typing import Any

import torch
from clip_expected import SCALE
from torch import nn


class Finishing(torch.optim.SGD):
    """Unscales the gradients in its step, where Horovod's averages them."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, lr=0.0)

    def step(self, closure: Any = None) -> Any:
        """Finish the gradients, and let the base use them."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad.div_(SCALE)
        return super().step(closure)


class Copies(torch.optim.Optimizer):
    """Steps copies of its parameters, as optimizers of half precision parameters do."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {})
        self.own = self.param_groups[0]["params"]
        self.copies = [nn.Parameter(p.detach().clone()) for p in self.own]
        self.inner = torch.optim.SGD(self.copies, lr=0.0)

    def step(self, closure: Any = None) -> Any:
        """Give the copies their gradients and step them; show what was used in the originals'."""
        for copy, parameter in zip(self.copies, self.own, strict=True):
            copy.grad = parameter.grad / SCALE
        self.inner.step()
        for copy, parameter in zip(self.copies, self.own, strict=True):
            parameter.grad = copy.grad


class Counting(torch.optim.SGD):
    """Counts its steps in its group."""

    def step(self, closure: Any = None) -> Any:
        """Count, and step."""
        self.param_groups[0]["steps"] = self.param_groups[0].get("steps", 0) + 1
        return super().step(closure)
