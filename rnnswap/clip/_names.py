"""The names of parameters, which an optimizer does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from rnnswap.clip._living import living, outermost

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from torch.optim import Optimizer

# What wrappers put before the names of the module they wrap: DDP, torch.compile, checkpointing.
_WRAPPERS = ("module", "_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module")

_found: MutableMapping[Tensor, str] = WeakTensorKeyDictionary()
#: Parameters that no module held when the newest module had this stamp.
_in_none: MutableMapping[Tensor, object] = WeakTensorKeyDictionary()


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

    Modules that are alive are searched for parameters not met before: a moment's work while
    somebody follows them (`living.follow`), a tenth of a second in a large process otherwise. A
    tensor that is in no module is called by its shape.
    """
    # What a module holds is an nn.Parameter; no other tensor has a name to search for.
    unknown = [p for p in parameters if p not in _found and isinstance(p, nn.Parameter)]
    unknown = [p for p in unknown if _in_none.get(p) is not living.stamp]
    if unknown:
        _search(unknown)
    return [_found.get(p) or f"a parameter of shape {tuple(p.shape)}" for p in parameters]


def all_names() -> list[str]:
    """Return the names of the parameters of all modules that are alive."""
    models = outermost(living.modules())
    for model in models:
        remember(model)
    return [name for model in models for name in names_of([*model.parameters()])]


def _search(parameters: Sequence[Tensor]) -> None:
    """Remember the names of what modules hold, and of the others that none does."""
    modules, wanted = living.modules(), {id(p) for p in parameters}
    if any(id(p) in wanted for m in modules for p in [*m._parameters.values()]):
        for model in outermost(modules):
            if any(id(p) in wanted for p in model.parameters()):
                remember(model)
    if living.is_followed:
        for parameter in parameters:
            if parameter not in _found:
                _in_none[parameter] = living.stamp


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
