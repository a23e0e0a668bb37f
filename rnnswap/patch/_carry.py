"""Makes the layer that replaces another, with everything of the old one but its weights."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _WrappedHook

from rnnswap.errors import SwapError
from rnnswap.patch._intercept import torchs_own
from rnnswap.patch._likeness import arguments_of, bare_twin
from rnnswap.patch._replacement import Replacement, in_one_line

_MODULE_HOOKS = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
#: Attributes that say something about weights which do not go along.
_OF_THE_WEIGHTS = ("transfer_report", "_transfer_report")
_TENSOR_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")


def build(path: str, old: nn.Module, pair: Replacement, transfer: bool) -> nn.Module:
    """Return the layer that replaces `old`; `old` itself is not touched.

    Raises:
        SwapError: It cannot be made; names the layer.
    """
    try:
        # Whatever the caller has switched on, the new parameters are to be trained.
        with torchs_own(), torch.inference_mode(False):
            new: nn.Module = _constructed(old, pair, transfer)
            _carry_over(old, new)
            _carry_belongings(old, new)
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise SwapError(
            f"{path or 'the model'}: {in_one_line(old)} cannot become {pair.spec.name!r}: {reason}"
        ) from error
    return new


def _constructed(old: Any, pair: Replacement, transfer: bool) -> Any:
    arguments = arguments_of(old)
    if transfer:
        new = pair.transferred(old, arguments)
    else:
        like = next(old.parameters())
        new = pair.construct(**arguments, device=like.device, dtype=like.dtype)
    if hasattr(old, "dropout"):
        # Set, not handed over: with one layer the constructor warns, which the old one did already.
        new.dropout = old.dropout
    return new


def _carry_over(old: nn.Module, new: nn.Module) -> None:
    new.train(old.training)
    _tie(old, new)
    before = dict(old.named_parameters())
    trained = any(p.requires_grad for p in before.values())
    for name, parameter in new.named_parameters():
        like = before.get(name)
        if like is None:
            parameter.requires_grad_(trained and parameter.numel() > 0)
            continue
        parameter.data = parameter.data.to(device=like.device, dtype=like.dtype)
        if like.device.type == "cpu" and like.is_shared():  # type: ignore[no-untyped-call]
            parameter.data.share_memory_()  # type: ignore[no-untyped-call]
        # One without elements learns nothing.
        parameter.requires_grad_(like.requires_grad and parameter.numel() > 0)
        _carry_attributes(like, parameter)


def _carry_belongings(old: nn.Module, new: nn.Module) -> None:
    """Hand on what the user has put on the layer: attributes, parameters, buffers and modules."""
    twin = bare_twin(old)
    for name, value in _attributes(old, twin):
        # Not by setattr, which would make a child of a module that is deliberately none.
        if _has_room(new, name):
            vars(new)[name] = value
    for name, parameter in old._parameters.items():
        if name not in twin._parameters:
            new.register_parameter(name, parameter)
    for name, buffer in old._buffers.items():
        if name not in twin._buffers:
            new.register_buffer(name, buffer, name not in old._non_persistent_buffers_set)
    for name, child in old._modules.items():
        if name not in twin._modules:
            new.add_module(name, child)


def left_behind(old: nn.Module, new: nn.Module) -> list[str]:
    """Return the names of attributes that the user has put on `old` and that `new` did not get."""
    found = _attributes(old, bare_twin(old))
    return [name for name, value in found if vars(new).get(name, new) is not value]


def _attributes(old: nn.Module, twin: nn.Module) -> list[tuple[str, Any]]:
    own = {*vars(twin), *_OF_THE_WEIGHTS}
    return [(name, value) for name, value in vars(old).items() if name not in own]


def _has_room(new: nn.Module, name: str) -> bool:
    """Whether an attribute of a user changes nothing of what the layer itself reads."""
    if name in vars(new):
        return False
    free = getattr(type(new), "_leaves_free", None)  # of the cells of this library
    return not hasattr(type(new), name) or (free is not None and free(name))


def _tie(old: nn.Module, new: nn.Module) -> None:
    """Make those parameters one that were one."""
    first: dict[int, str] = {}
    for name, parameter in old._parameters.items():
        twin = first.setdefault(id(parameter), name)
        if parameter is None or twin == name or not {name, twin} <= new._parameters.keys():
            continue
        new._parameters[name] = new._parameters[twin]


def _carry_attributes(old: Tensor, new: Tensor) -> None:
    """Hand on what the user has put on a parameter, such as a mark for the optimizer."""
    for name, value in vars(old).items():
        if not hasattr(new, name):
            setattr(new, name, value)


def move_hooks(old: nn.Module, new: nn.Module) -> Callable[[], None]:
    """Let the hooks of the old layer and of its parameters act on the new; return the way back.

    The dictionaries are the same ones, so that the handles which clients hold keep working.
    """
    way_back: list[Callable[[], None]] = []

    def restore() -> None:
        while way_back:
            way_back.pop()()

    try:
        for name in _MODULE_HOOKS:
            _share(old, new, name, way_back)
    except BaseException:
        restore()
        raise
    if old._is_full_backward_hook is not None:
        way_back.append(_restoring(new, "_is_full_backward_hook", new._is_full_backward_hook))
        new._is_full_backward_hook = old._is_full_backward_hook
    for theirs, ours in namesakes(old, new):
        _share_tensor_hooks(theirs, ours)
    return restore


def _share(old: nn.Module, new: nn.Module, name: str, way_back: list[Callable[[], None]]) -> None:
    shared, own = getattr(old, name), getattr(new, name)
    way_back.append(_restoring(new, name, own))
    if own:  # of a class whose constructor hooks its instances
        way_back.append(_without(shared, list(own)))
        shared.update(own)
    setattr(new, name, shared)
    for hook in shared.values():
        if isinstance(hook, _WrappedHook) and hook.with_module and hook.module() is old:
            way_back.append(_restoring(hook, "module", weakref.ref(old)))
            hook.module = weakref.ref(new)


def _share_tensor_hooks(theirs: Tensor, ours: Tensor) -> None:
    trained = ours.requires_grad
    for name in _TENSOR_HOOKS:
        if getattr(theirs, name, None):
            # They stay with a parameter that is frozen later, but are taken by none that is.
            setattr(ours.requires_grad_(), name, getattr(theirs, name))
    ours.requires_grad_(trained)


def namesakes(old: nn.Module, new: nn.Module) -> Iterator[tuple[nn.Parameter, nn.Parameter]]:
    """Yield each parameter of `old` that is replaced by another of its name, and that one."""
    ours = dict(new.named_parameters())
    for name, parameter in old.named_parameters():
        if ours.get(name, parameter) is not parameter:
            yield parameter, ours[name]


def _restoring(owner: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(owner, name, value)


def _without(container: dict[Any, Any], keys: list[Any]) -> Callable[[], None]:
    def restore() -> None:
        for key in keys:
            container.pop(key, None)

    return restore
