"""What torch.distributed.checkpoint.state_dict does with an optimizer, of which it tells nobody.

It takes the state of the parameters and the options of the groups out of a state_dict and leaves
the rest, and flattened, only what an optimizer has at present. So it is seen on the stack; should
torch call its functions otherwise one day, this finds nothing.
"""

from __future__ import annotations

import inspect
import io
import sys
from typing import TYPE_CHECKING, Any

import torch

from rnnswap.clip._steps import frame_of, parameters_of

if TYPE_CHECKING:
    from types import FrameType

    from torch.optim import Optimizer

_MODULE = "torch.distributed.checkpoint.state_dict"


def is_made_to_initialise() -> bool:
    """Whether torch makes the step at hand itself, to have an optimizer's state to load or save.

    Its gradients are zero, as is its learning rate: it trains nothing.
    """
    return _frame_of("_init_optim_state") is not None


def saved(state: dict[str, Any], key: str, kept: dict[str, Any]) -> dict[str, Any] | None:
    """Return an optimizer's state_dict with `kept` where torch takes it into a checkpoint.

    Returns:
        None if it is not torch.distributed.checkpoint that asks.
    """
    frame = _frame_of("_get_optim_state_dict")
    if frame is None:
        return None
    if _is_no_place_for(key):
        return state
    # As bytes: tensors would have to have the same shapes in the run that loads them.
    file = io.BytesIO()
    torch.save(kept, file)
    first, *rest = state["param_groups"]
    if getattr(frame.f_locals.get("info"), "flatten_optimizer_state_dict", False):
        # Options are written for each parameter: those of a group of one are written once.
        groups = [first, *rest, {"params": first["params"][:1], key: file.getvalue()}]
    else:
        groups = [{**first, key: file.getvalue()}, *rest]
    return {**state, "param_groups": groups}


def loaded(optimizer: Optimizer, state: dict[str, Any], key: str) -> dict[str, Any] | None:
    """Return what `saved` has kept, from a state_dict that torch loads; None if nothing."""
    found = next((group[key] for group in state["param_groups"] if key in group), None)
    if found is None:
        found = _flattened(optimizer, key)
    if found is None:
        return None
    kept: dict[str, Any] = torch.load(io.BytesIO(found), weights_only=True)
    return kept


def _is_no_place_for(key: str) -> bool:
    """Whether torch asks what there is in order to load a checkpoint that does not have `key`."""
    frame = _frame_of("_load_optim_state_dict")
    if frame is None or getattr(frame.f_locals.get("info"), "broadcast_from_rank0", False):
        return False
    groups = frame.f_locals.get("optim_state_dict", {}).get("param_groups", ())
    return not any(key in group for group in groups)


def _flattened(optimizer: Optimizer, key: str) -> bytes | None:
    """Return what a flattened checkpoint has for one of the parameters of `optimizer`."""
    frame = _frame_of("_load_optim_state_dict")
    if frame is None:
        return None
    flat = frame.f_locals.get("state_dict") or {}
    names = getattr(frame.f_locals.get("info"), "fqn_param_mapping", {})
    own = (name for p in parameters_of(optimizer) for name in names.get(p, ()))
    return next((flat[k] for name in own if (k := f"param_groups.{name}.{key}") in flat), None)


def _frame_of(function: str) -> FrameType | None:
    """Return the frame of a function of torch that has called us; None if it has not."""
    found = getattr(sys.modules.get(_MODULE), function, None)
    code = getattr(inspect.unwrap(found), "__code__", None) if found is not None else None
    return None if code is None else frame_of(code)
