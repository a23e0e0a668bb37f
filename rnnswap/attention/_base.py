"""What every mechanism shares: the layout of its tensors and the checks of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from torch import Tensor, nn

from rnnswap._tracing import one_node
from rnnswap.attention._masked import allowed_keys, check_mask
from rnnswap.errors import OptionError
from rnnswap.ops._memory import DrawnInNewMemory

_Function = TypeVar("_Function", bound=Callable[..., tuple[Tensor, Tensor | None]])


class Attention(DrawnInNewMemory):
    """Base of the attention mechanisms; a subclass defines `attend`.

    A mechanism maps (query, key, value, mask) to (context, weights). Weights are >= 0 and sum to 1
    over the keys. Masks say True = attend, the opposite of nn.MultiheadAttention; where all keys of
    a query are masked, its context and its weights are zero. `forward` checks the tensors and turns
    them to batch-first ones; what `attend` is given as one object was given as one.

    Args:
        query_size: Features of a query, > 0.
        key_size: Features of a key, > 0.
        batch_first: Batched sequences are (B, T, ...), else (T, B, ...); unbatched ones are
            (T, ...) either way.

    Raises:
        OptionError: A size is not a positive int, or `batch_first` no bool.
    """

    #: Whether a sequence shorter than an option asks for is taken as it is: with_attention sets it.
    any_length: bool = False
    #: Whether weights and mask are over the features of a step and not over steps: with_attention
    #: hands no mask of padded steps over then.
    over_features: bool = False
    #: What a layer with this attention cannot do (`rnnswap.testing.check_drop_in`).
    unsupported: frozenset[str] = frozenset()

    def __init__(self, query_size: int, key_size: int, *, batch_first: bool = True) -> None:
        super().__init__()
        check_size("query_size", query_size)
        check_size("key_size", key_size)
        check_bool("batch_first", batch_first)
        self.query_size = query_size
        self.key_size = key_size
        self.batch_first = batch_first

    def reset_parameters(self) -> None:
        """Draw the parameters anew, here those of its modules: own ones a subclass draws."""
        for child in self.children():
            child.apply(reset)

    @one_node
    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        need_weights: bool = True,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Args:
            query: (B, Tq, query_size); without `batch_first` (Tq, B, query_size); unbatched
                (Tq, query_size).
            key: (B, Tk, key_size), laid out as `query`.
            value: (B, Tk, V), laid out as `query`.
            mask: bool, broadcastable to (B, Tq, Tk), unbatched to (Tq, Tk); True = attend, the
                opposite of nn.MultiheadAttention. Padding of shape (B, Tk): `mask.unsqueeze(1)`.
            causal: Query i attends to keys 0..i only, besides what `mask` says.
            need_weights: Without them nothing of size Tq * Tk is held where the mechanism can do
                without (dot and general scores, multihead and self).

        Returns:
            context, laid out as `query`, and weights (B, Tq, Tk), unbatched (Tq, Tk), or None if
            they are not asked for. Both are zero where every key is masked.

        Raises:
            OptionError: A tensor's shape does not fit, or the mask is not bool.
        """
        self._check(query, key, value)
        # One sequence in several places stays one.
        first = self._with_batch_first(query)
        second = first if key is query else self._with_batch_first(key)
        third = first if value is query else self._with_batch_first(value)
        context, weights = self.attend(first, second, third, mask, causal, need_weights)
        weights = weights if need_weights else None
        if query.dim() == 2:
            return context.squeeze(0), None if weights is None else weights.squeeze(0)
        return context if self.batch_first else context.transpose(0, 1), weights

    def _with_batch_first(self, tensor: Tensor) -> Tensor:
        if tensor.dim() == 2:
            return tensor.unsqueeze(0)
        return tensor if self.batch_first else tensor.transpose(0, 1)

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        causal: bool,
        need_weights: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Return context (B, Tq, V) and weights (B, Tq, Tk) or None, of batch-first sequences."""
        raise NotImplementedError(f"{type(self).__name__} defines no attend")

    def allowed(
        self, query: Tensor, key: Tensor, mask: Tensor | None, causal: bool
    ) -> Tensor | None:
        """Return which keys each query may attend to, for `attend`.

        Args:
            query: (B, Tq, query_size).
            key: (B, Tk, key_size).
            mask: As `forward` takes it.
            causal: Query i attends to keys 0..i only.

        Returns:
            bool, broadcastable to (B, Tq, Tk), True = attend; or None: all of them.

        Raises:
            OptionError: The mask is not bool or its shape does not fit.
        """
        check_mask(mask, (query.size(0), query.size(1), key.size(1)))
        return allowed_keys(mask, causal, query.size(1), key.size(1), query.device)

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        check_sequences(query, key, value)
        check_features("query", query, self.query_size)
        check_features("key", key, self.key_size)
        self._check_batch(query, key, value)
        self._check_steps("key", key, value)

    def _check_batch(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        check_batch(query, key, value, 0 if self.batch_first else 1)

    def _check_steps(self, name: str, tensor: Tensor, value: Tensor) -> None:
        check_steps(name, tensor, value, 1 if self.batch_first and value.dim() == 3 else 0)


def takes_unbatched(function: _Function) -> _Function:
    """Let a function of batch-first sequences take unbatched ones too, and check both.

    Args:
        function: Takes query (B, Tq, Q), key (B, Tk, K), value (B, Tk, V) and what else there is;
            returns context and weights, both with the batch first.

    Raises:
        OptionError: From the function returned: the three do not fit each other.
    """

    @functools.wraps(function)
    def checked(query: Tensor, key: Tensor, value: Tensor, *rest: Any, **named: Any) -> Any:
        check_sequences(query, key, value)
        if query.dim() == 3:
            check_batch(query, key, value, 0)
            check_steps("key", key, value, 1)
            return function(query, key, value, *rest, **named)
        check_steps("key", key, value, 0)
        context, weights = function(
            query.unsqueeze(0), key.unsqueeze(0), value.unsqueeze(0), *rest, **named
        )
        return context.squeeze(0), None if weights is None else weights.squeeze(0)

    return cast(_Function, checked)


def check_batch(query: Tensor, key: Tensor, value: Tensor, axis: int) -> None:
    """Refuse batched sequences that differ in the number of rows, which are on `axis`.

    Raises:
        OptionError: They do.
    """
    if query.dim() == 3 and not query.size(axis) == key.size(axis) == value.size(axis):
        raise OptionError(
            f"query, key and value must have one batch size, {shapes(query, key, value)}"
        )


def check_steps(name: str, tensor: Tensor, value: Tensor, axis: int) -> None:
    """Refuse a sequence that has not as many steps as the value.

    Raises:
        OptionError: It has not.
    """
    if tensor.size(axis) != value.size(axis):
        raise OptionError(
            f"{name} and value must have as many steps, got {tuple(tensor.shape)} and "
            f"{tuple(value.shape)}"
        )


def check_features(name: str, tensor: Tensor, size: int) -> None:
    """Refuse a tensor whose last axis is not `size`, which the module calls `{name}_size`.

    Raises:
        OptionError: It is not.
    """
    if tensor.dim() == 0 or tensor.size(-1) != size:
        raise OptionError(
            f"{name} must have {size} features ({name}_size), got shape {tuple(tensor.shape)}"
        )


def check_sequences(query: Any, key: Any, value: Any) -> None:
    """Refuse what are not three tensors of the same rank, 2 or 3.

    Raises:
        OptionError: They are not.
    """
    for name, tensor in (("query", query), ("key", key), ("value", value)):
        if not isinstance(tensor, Tensor):
            raise OptionError(f"{name} must be a tensor, got {type(tensor).__name__}")
    if query.dim() not in (2, 3) or not query.dim() == key.dim() == value.dim():
        raise OptionError(
            "query, key and value must be 3-D, or 2-D if unbatched, all three alike, "
            f"{shapes(query, key, value)}"
        )


def shapes(query: Tensor, key: Tensor, value: Tensor) -> str:
    """Return the three shapes as the end of a sentence."""
    return f"got {tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)}"


def check_size(name: str, size: Any) -> None:
    """Refuse what is not a positive int.

    Raises:
        OptionError: It is not.
    """
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise OptionError(f"{name} must be an int > 0, got {size!r}")


def check_bool(name: str, value: Any) -> None:
    """Refuse what is not a bool.

    Raises:
        OptionError: It is not.
    """
    if not isinstance(value, bool):
        raise OptionError(f"{name} must be True or False, got {value!r}")


def reset(module: nn.Module) -> None:
    """Let a module draw its parameters anew, if it can."""
    draw = getattr(module, "reset_parameters", None)
    if draw is not None:
        draw()


Attention.__module__ = "rnnswap.attention"
