"""The names of parameters, which an optimizer does not know."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from torch.optim import Optimizer

# What wrappers put before the names of the module they wrap: DDP, torch.compile, checkpointing.
_WRAPPERS = ("module", "_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module")

_found: MutableMapping[Tensor, str] = WeakTensorKeyDictionary()


def remember(model: nn.Module) -> None:
    """Let the parameters of `model` have the names they have there, as long as they live."""
    for name, parameter in model.named_parameters(remove_duplicate=False):
        _found.setdefault(parameter, _without_wrappers(model, name))


def remember_of(optimizer: Optimizer) -> None:
    """Take the names that an optimizer was given (`SGD(model.named_parameters())`)."""
    for group in optimizer.param_groups:
        for name, parameter in zip(group.get("param_names") or (), group["params"], strict=False):
            _found.setdefault(parameter, str(name))


def names_of(parameters: Sequence[Tensor]) -> list[str]:
    """Return the parameters' names in the outermost modules that hold them.

    Modules that are alive are searched once for parameters not met before, which takes a moment; a
    parameter that is in no module is called by its shape.
    """
    if not all(p in _found for p in parameters):
        wanted = {id(p) for p in parameters}
        for model in _outermost():
            if any(id(p) in wanted for p in model.parameters()):
                remember(model)
    return [_found.get(p) or f"a parameter of shape {tuple(p.shape)}" for p in parameters]


def all_names() -> list[str]:
    """Return the names of the parameters of all modules that are alive."""
    return [name for m in _outermost() for name in names_of(list(m.parameters()))]


def _outermost() -> list[nn.Module]:
    """Return the living modules that stand in no other module."""
    living = [m for m in gc.get_objects() if _is_module(m)]
    inside = {id(child) for m in living for child in m.children() if child is not m}
    return [m for m in living if id(m) not in inside]


def _is_module(thing: Any) -> bool:
    # By type: isinstance would ask proxies that answer by doing something.
    return issubclass(type(thing), nn.Module) and "_modules" in getattr(thing, "__dict__", ())


def _without_wrappers(model: nn.Module, name: str) -> str:
    """Return a parameter's name as it would be without wrappers around `model` or parts of it."""
    parts = name.split(".")
    kept = []
    module: Any = model
    for position, part in enumerate(parts):
        wraps = part in _WRAPPERS and _is_wrapper(module)
        if not wraps:
            kept.append(part)
        if position < len(parts) - 1:
            module = module._modules.get(part)
    return ".".join(kept)


def _is_wrapper(module: nn.Module) -> bool:
    """Whether `module` is a wrapper of torch's, not a user's module with a part of that name."""
    makers = ("torch.nn.parallel", "torch._dynamo", "torch.distributed")
    return type(module).__module__.startswith(makers)
