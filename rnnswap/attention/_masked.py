"""Which keys a query may attend to, and the softmax over them."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnswap.errors import OptionError


def check_mask(mask: Tensor | None, shape: tuple[int, ...]) -> None:
    """Refuse what is not a bool tensor that broadcasts to the scores' `shape`.

    Raises:
        OptionError: It is not.
    """
    if mask is None:
        return
    if not isinstance(mask, Tensor):
        raise OptionError(f"mask must be a bool tensor or None, got {type(mask).__name__}")
    if mask.dtype != torch.bool:
        raise OptionError(f"mask must be bool (True = attend), got {mask.dtype}")
    sizes = tuple(mask.shape)
    pairs = zip(reversed(sizes), reversed(shape), strict=False)
    if len(sizes) > len(shape) or any(m != 1 and m != s for m, s in pairs):
        raise OptionError(f"mask of shape {sizes} does not fit scores of shape {tuple(shape)}")


def allowed_keys(
    mask: Tensor | None, causal: bool, queries: int, keys: int, device: torch.device
) -> Tensor | None:
    """Return the mask, with `causal` without the keys that come after a query; None for all.

    Args:
        mask: bool, broadcastable to (..., Tq, Tk); True = attend.
        causal: Query i attends to keys 0..i.
        queries: Tq.
        keys: Tk.
        device: Of the scores.
    """
    if not causal:
        return mask
    earlier = torch.ones(queries, keys, dtype=torch.bool, device=device).tril()
    return earlier if mask is None else mask & earlier


def masked_softmax(scores: Tensor, mask: Tensor | None, *, in_place: bool = False) -> Tensor:
    """Return weights over the last axis, zero where `mask` is False.

    Args:
        scores: (..., Tk).
        mask: Broadcastable to `scores`. bool: True = attend. A floating point one is added to the
            scores, and -inf in it forbids. None attends to every key.
        in_place: The weights may take the memory of the scores, which must need no gradient.

    Returns:
        (..., Tk), each row summing to 1, or all zero where every key is masked.
    """
    if mask is None:
        return torch.softmax(scores, -1, out=scores) if in_place else torch.softmax(scores, -1)
    if mask.dtype == torch.bool:
        away = ~mask
    else:
        away = mask == float("-inf")
        scores = scores + mask.masked_fill(away, 0.0)
    # The lowest finite number, not -inf: a fully masked row stays finite, and is then zeroed.
    lowest = torch.finfo(scores.dtype).min
    if in_place:
        scores = scores.masked_fill_(away, lowest)
        return torch.softmax(scores, -1, out=scores).masked_fill_(away, 0.0)
    return torch.softmax(scores.masked_fill(away, lowest), -1).masked_fill(away, 0.0)
