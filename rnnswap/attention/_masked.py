"""Softmax over keys of which some are masked."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnswap.errors import OptionError


def masked_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Return weights over the last axis, zero where `mask` is False.

    Args:
        scores: (..., Tk).
        mask: bool, broadcastable to `scores`; True = attend. None attends to every key.

    Returns:
        (..., Tk), each row summing to 1, or all zero where every key is masked.

    Raises:
        OptionError: The mask is not bool or does not fit the scores.
    """
    if mask is None:
        return torch.softmax(scores, -1)
    if mask.dtype != torch.bool:
        raise OptionError(f"mask must be bool (True = attend), got {mask.dtype}")
    try:
        away = ~mask.expand_as(scores)
    except RuntimeError as error:
        raise OptionError(
            f"mask of shape {tuple(mask.shape)} does not fit scores of shape {tuple(scores.shape)}"
        ) from error
    # The lowest finite number, not -inf: a fully masked row stays finite, and is then zeroed.
    lowest = torch.finfo(scores.dtype).min
    return torch.softmax(scores.masked_fill(away, lowest), -1).masked_fill(away, 0.0)
