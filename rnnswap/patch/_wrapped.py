"""Models that something else holds the parameters of, and layers that cannot be replaced."""

from __future__ import annotations

import gc
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import parametrize

from rnnswap.errors import SwapError
from rnnswap.patch._as_lstm import derives

#: Wrappers that hold parameters, by module and name: looked up only where that module is loaded,
#: for no model can be wrapped in a class that is not.
_HOLDERS = (
    ("torch.distributed.fsdp", "FullyShardedDataParallel"),
    ("torch.distributed.fsdp", "FSDPModule"),
    ("deepspeed", "DeepSpeedEngine"),
)
#: Parameters of nn.LSTMCell; without bias two of them are None.
_WEIGHTS_OF_A_STEP = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_COMPILED = ("torch._dynamo.eval_frame", "OptimizedModule")


def is_compiled(model: nn.Module) -> bool:
    """Return whether a module is what torch.compile made of another, its `_orig_mod`."""
    kind = _loaded(_COMPILED)
    return kind is not None and isinstance(model, kind)


def without_compiler(model: nn.Module) -> nn.Module:
    """Return what torch.compile was given to make `model`; any other model as it is."""
    original: nn.Module = model._orig_mod if is_compiled(model) else model  # type: ignore[assignment]
    return original


def compiled_above(model: nn.Module, layers: Collection[nn.Module]) -> Iterator[str]:
    """Yield the name of each part of `model` that is compiled and has one of `layers` in it."""
    inside = {id(layer) for layer in layers}
    above = ""
    for path, module in model.named_modules():
        if above and path.startswith(f"{above}."):
            continue  # the original of what torch.compile made
        compiled = is_compiled(module) or module._compiled_call_impl is not None
        if compiled and any(id(m) in inside for m in module.modules()):
            above = path
            yield path


def refuse_wrapped(model: nn.Module) -> None:
    """Refuse a model whose wrapper has already taken its parameters.

    Raises:
        SwapError: DistributedDataParallel, FSDP (either) or DeepSpeed holds it or a part of it.
    """
    wrappers = (DistributedDataParallel, *(k for k in map(_loaded, _HOLDERS) if k is not None))
    for path, module in model.named_modules():
        kind = next((kind for kind in wrappers if isinstance(module, kind)), None)
        if kind is not None:
            _refuse(path or "the model", kind.__name__)


def refuse_held(modules: Iterable[tuple[str, nn.Module]]) -> None:
    """Refuse layers whose parameters are held by a wrapper outside of the model handed in.

    Raises:
        SwapError: A layer's parameters are sharded, or a living DistributedDataParallel has it.
    """
    held = _modules_under_ddp()
    for path, module in modules:
        if id(module) in held:
            _refuse(path or "the model", "DistributedDataParallel")
        if any(is_sharded(p) for p in module.parameters()):
            raise SwapError(
                f"the parameters of {path or 'the model'} are sharded over devices: "
                "swap first, then shard"
            )


def is_sharded(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is a DTensor, of which this process holds a part."""
    tensors = sys.modules.get("torch.distributed.tensor")
    return tensors is not None and isinstance(tensor, tensors.DTensor)


def _loaded(place: tuple[str, str]) -> type | None:
    found = getattr(sys.modules.get(place[0]), place[1], None)
    return found if isinstance(found, type) else None


def _refuse(path: str, wrapper: str) -> None:
    raise SwapError(
        f"{path} is wrapped in {wrapper}, which holds the present parameters: swap first, then wrap"
    )


def _modules_under_ddp() -> set[int]:
    """Every module below a living DistributedDataParallel, which the module does not know of."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return set()
    wrapped = [o for o in gc.get_objects() if issubclass(type(o), DistributedDataParallel)]
    return {id(module) for wrapper in wrapped for module in wrapper.module.modules()}


def special(
    module: nn.Module, owners: Mapping[int, set[int]], compiled: Collection[int]
) -> str | None:
    """Return why replacing this one layer would lose something; None if it would not.

    Args:
        module: The layer.
        owners: For the id of each parameter, the ids of the modules that have it.
        compiled: The ids of modules that torch.compile was given.
    """
    if "forward" in vars(module):
        return "its forward was replaced on the instance"
    if module._compiled_call_impl is not None or id(module) in compiled:
        return "compiled by itself: swap the original, then compile again"
    names: Iterable[str] = getattr(module, "_flat_weights_names", _WEIGHTS_OF_A_STEP)
    weights = (getattr(module, name, None) for name in names)
    if any(not isinstance(weight, nn.Parameter | None) for weight in weights):
        return (
            "its weights are computed from others (weight_norm, pruning or the like): "
            "undo that, swap, do it anew"
        )
    for name, parameter in module._parameters.items():
        if parameter is not None and len(owners[id(parameter)]) > 1:
            return f"{name} is shared with another module"
    return None


def beyond_reach(module: Any, source: type[nn.Module]) -> str | None:
    """Return why a layer that is `source` in another guise is left; None if it is none."""
    if isinstance(module, torch.jit.ScriptModule) and _was(module, source):
        return "compiled by TorchScript: swap the Python model, then script it"
    if derives(type(module), source) and parametrize.is_parametrized(module):
        names = ", ".join(
            name for name, _ in module.get_submodule("parametrizations").named_children()
        )
        return f"{names} parametrized: remove the parametrization, swap, parametrize anew"
    return None


def _was(module: Any, source: type[nn.Module]) -> bool:
    """Return whether a scripted module was made of a `source`, not of another class of its name."""
    python_name = module._c._type().qualified_name()  # with numbers where names were taken
    return module.original_name == source.__name__ and f".{source.__module__}." in python_name
