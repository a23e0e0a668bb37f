"""An adaptive policy's statistics travel in its optimizer's state_dict."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from rnnswap.clip import _distributed
from rnnswap.clip._steps import place_outside

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.optim import Optimizer

    from rnnswap.clip._policy import ClipPolicy

#: Where in the state_dict; torch leaves keys alone that it does not know.
KEY = "rnnswap_clip"


def keep_in_state_dict(policy: ClipPolicy, optimizer: Optimizer) -> Callable[[], None]:
    """Save the statistics of `policy` with `optimizer` and load them with it.

    Nothing is added to the state_dict for a policy that keeps none.

    Returns:
        What ends it.
    """
    if not policy.state_dict():
        return _nothing

    def save(_: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
        kept = {"policy": str(policy), **policy.state_dict()}
        return _distributed.saved(state, KEY, kept) or {**state, KEY: kept}

    def load(optimizer: Optimizer, state: dict[str, Any]) -> dict[str, Any] | None:
        found = state.get(KEY) or _distributed.loaded(optimizer, state, KEY)
        if found is None:
            return None
        kept = dict(found)
        saved = kept.pop("policy", None)
        if saved == str(policy):
            policy.load_state_dict(kept)
        else:
            warnings.warn_explicit(
                f"the checkpoint has clipping statistics of {saved}, not {policy}, which starts "
                "anew",
                UserWarning,
                *place_outside(sys._getframe()),
            )
        groups = [_without_ours(group) for group in state["param_groups"]]
        return {**_without_ours(state), "param_groups": groups}

    hooks = [
        optimizer.register_state_dict_post_hook(save),
        optimizer.register_load_state_dict_pre_hook(load),
    ]

    def end() -> None:
        for hook in hooks:
            hook.remove()

    return end


def _without_ours(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != KEY}


def _nothing() -> None:
    """End nothing."""
