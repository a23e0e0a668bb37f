"""The attention mechanism under test: how it is constructed, and what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.spec import AttentionSpec
from rnnswap.testing._autograd import move_off_zero
from rnnswap.testing._checks import CheckSkippedError
from rnnswap.testing._compare import is_one_sentence, raised, require

#: Rows, steps, and features of queries, keys and values. As many steps as features: mechanisms
#: over features give weights of the same shape then.
B, T, E = 3, 4, 4


class AttentionSubject:
    """A class under test.

    Args:
        cls: Constructed as `cls(query_size, key_size, device=..., dtype=..., **options)`.
        options: Handed to every construction.
        spec: Its record in the registry, if it has one.
    """

    #: Mechanisms declare nothing.
    unsupported: frozenset[str] = frozenset()

    def __init__(
        self, cls: type[nn.Module], options: Mapping[str, Any], spec: AttentionSpec | None
    ) -> None:
        self.cls = cls
        self.options = dict(options)
        self.spec = spec

    @property
    def over_features(self) -> bool:
        """Whether weights and masks are over the features of a step and not over steps."""
        return bool(getattr(self.cls, "over_features", False))

    def build(self, dtype: torch.dtype = torch.float64, **more: Any) -> Any:
        """Return an instance for queries and keys of E features, in eval mode, no bias zero."""
        module = self.cls(E, E, dtype=dtype, **more, **self.options).eval()
        move_off_zero(module)
        return module


def sequence(dtype: torch.dtype = torch.float64, steps: int = T, rows: int = B) -> Tensor:
    """Return random (rows, steps, E)."""
    return torch.randn(rows, steps, E, dtype=dtype)


def dark_mask() -> Tensor:
    """Return a mask (B, T, T) in which every query but (1, 2) has a key."""
    mask = torch.rand(B, T, T) > 0.3
    mask[..., 0] = True
    mask[1, 2] = False
    return mask


def attend(
    module: Any,
    query: Tensor,
    key: Tensor | None = None,
    value: Tensor | None = None,
    mask: Tensor | None = None,
    **more: Any,
) -> tuple[Tensor, Tensor]:
    """Call a mechanism, by default with one sequence as all three; return context and weights."""
    key = query if key is None else key
    result = module(query, key, key if value is None else value, mask, **more)
    pair = isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], Tensor)
    require(pair, f"expected (context, weights), got {type(result).__name__}")
    context, weights = result
    if more.get("need_weights", True):
        found = type(weights).__name__
        require(isinstance(weights, Tensor), f"expected weights to be a tensor, got {found}")
    return context, weights


def require_separate(module: Any, query: Tensor, key: Tensor, value: Tensor) -> None:
    """Skip the check if the mechanism says that it cannot attend from one sequence to another."""
    error = raised(lambda: module(query, key, value))
    if isinstance(error, ValueError | NotImplementedError) and is_one_sentence(error):
        raise CheckSkippedError(f"it says: {error}")
