"""Parameters that got memory after construction are drawn: nobody computes with what lay there.

A model that is built on the meta device gets its memory later, and whoever gives it initialises
the classes that it knows: nn.LSTM is among them, a layer of ours is not. So our layers draw what
was given memory and not written: at `to_empty`, and when transformers asks whether they are done.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from typing import Any

import torch
from torch import Tensor, nn

#: The functions that `nn.Module.to_empty` hands to `_apply` are made of one of these.
_OF_TO_EMPTY = getattr(getattr(nn.Module.to_empty, "__code__", None), "co_consts", ())


class _AskedByTransformers:
    """The mark by which transformers knows the modules it need not initialise; False until set.

    transformers asks for it right before it initialises a module by its class. That is the moment
    to draw what it has given memory; a model's own `_init_weights` follows and may write again.
    """

    def __get__(self, module: Any, _: type | None = None) -> Any:
        if module is None:
            return self
        if _transformers_initialises():
            draw(module, [name for name, tensor in _tensors(module) if _is_untouched(tensor)])
        return False


class UndoesTransformers(_AskedByTransformers):
    """The same for a cell that is an nn.LSTM as well: what is written as into an LSTM is undone."""

    def __get__(self, module: Any, kind: type | None = None) -> Any:
        own = {} if module is None else vars(module)
        if "_is_hf_initialized" in own:
            return own["_is_hf_initialized"]
        if module is not None and _transformers_initialises():
            own["_hf_untouched"] = [n for n, tensor in _tensors(module) if _is_untouched(tensor)]
        return super().__get__(module, kind)

    def __set__(self, module: Any, value: Any) -> None:
        vars(module)["_is_hf_initialized"] = value
        # Set at the end of the pass over the module.
        draw(module, vars(module).pop("_hf_untouched", ()))


def _transformers_initialises() -> bool:
    """Whether transformers initialises a model now: it guards torch's functions meanwhile."""
    theirs = getattr(sys.modules.get("transformers.initialization"), "uniform_", None)
    return theirs is not None and nn.init.uniform_ is theirs


def _is_untouched(tensor: Tensor) -> bool:
    """Whether a tensor was neither loaded by transformers nor written in place since."""
    loaded = getattr(tensor, "_is_hf_initialized", False)
    return not (loaded or tensor.is_meta or tensor.is_inference() or tensor._version)


class DrawnInNewMemory(nn.Module):
    """A module that calls its `reset_parameters` when its parameters are given new memory."""

    _is_hf_initialized = _AskedByTransformers()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        meta = {name for name, tensor in _tensors(self, recurse) if tensor.is_meta}
        result = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if getattr(fn, "__code__", None) in _OF_TO_EMPTY:
            draw(self, [name for name, _ in _tensors(self, recurse)])
        elif meta:
            draw(self, meta)
        return result


def draw(module: nn.Module, names: Collection[str]) -> None:
    """Let a module draw some of its parameters and buffers; the others keep their values.

    What its `reset_parameters` does not write becomes NaN, and a warning names it.

    Args:
        module: Its `reset_parameters` is called.
        names: Of what is drawn; what is on the meta device has no memory and is passed over.
    """
    tensors = {name: tensor for name, tensor in _tensors(module) if not tensor.is_meta}
    wanted = {name: tensors[name] for name in names if name in tensors}
    if not wanted:
        return
    with torch.no_grad():
        kept = [(t, t.clone()) for name, t in tensors.items() if name not in wanted]
        for tensor in wanted.values():
            if tensor.is_floating_point():
                tensor.fill_(torch.nan)
        with _without_shards(module):
            getattr(module, "reset_parameters", lambda: None)()
        for tensor, value in kept:
            tensor.copy_(value)
        unwritten = [name for name, tensor in wanted.items() if _has_nan(tensor)]
    if unwritten:
        warnings.warn(
            f"{', '.join(unwritten)} of {type(module).__name__} got memory that its "
            "reset_parameters does not write, and hold NaN: load or initialise them",
            stacklevel=3,
        )


def write(parameter: Tensor, value: Tensor) -> None:
    """Give a parameter a value, as torch.nn.init's functions do: no gradient, and no loaded one.

    Rows written into a part of a sharded parameter are lost, so the value is whole.

    Args:
        parameter: May be sharded over processes, all of which come here.
        value: Of its shape, device and dtype; of several processes the first one's counts.
    """
    if getattr(parameter, "_is_hf_initialized", False):  # transformers has loaded it
        return
    with torch.no_grad():
        if _is_shard(parameter):
            value = _distributed(value, parameter)
        parameter.copy_(value)


def _tensors(module: nn.Module, recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(recurse=recurse, remove_duplicate=False)
    yield from module.named_buffers(recurse=recurse, remove_duplicate=False)


def _has_nan(tensor: Any) -> bool:
    if _is_shard(tensor):
        tensor = tensor.to_local()
    # A fake tensor, which compilers compute with, has no values to look at.
    return type(tensor) in (Tensor, nn.Parameter) and bool(tensor.isnan().any())


@contextlib.contextmanager
def _without_shards(module: nn.Module) -> Iterator[None]:
    """Put whole tensors where a module has shards of them, and then spread what was written.

    A `reset_parameters` writes rows and copies plain tensors, which a shard does not take.
    """
    shards: list[tuple[nn.Module, str, Any]] = [
        (owner, name, parameter)
        for owner in module.modules()
        for name, parameter in owner._parameters.items()
        if _is_shard(parameter) and not parameter.is_meta and parameter.numel()  # type: ignore[union-attr]
    ]
    wholes = []
    for owner, name, shard in shards:
        whole = shard.to_local().new_full(shard.shape, torch.nan)
        owner._parameters[name] = nn.Parameter(whole, shard.requires_grad)
        wholes.append(whole)
    try:
        yield
    finally:
        for owner, name, shard in shards:
            owner._parameters[name] = shard
    for (_, _, shard), whole in zip(shards, wholes, strict=True):
        shard.copy_(_distributed(whole, shard))


def _distributed(whole: Tensor, like: Any) -> Any:
    """Return shards of what the first process has, laid out as those of `like`."""
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(whole, like.device_mesh, like.placements)


def _is_shard(tensor: Any) -> bool:
    """Whether a tensor is a DTensor, of which this process holds a part."""
    tensors = sys.modules.get("torch.distributed.tensor")
    return tensors is not None and isinstance(tensor, tensors.DTensor)
