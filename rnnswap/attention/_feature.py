"""Feature attention: softmax over the features of a vector, each of which keeps a weight."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear as ReadLinear

from rnnswap._tracing import one_node
from rnnswap.attention._base import Attention, check_features, check_sequences, check_size
from rnnswap.attention._masked import check_mask, masked_softmax
from rnnswap.errors import OptionError


def feature_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    query_weight: Tensor,
    bias: Tensor | None = None,
    series_weight: Tensor | None = None,
    energy_weight: Tensor | None = None,
    need_weights: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Weigh the features of `value` with given parameters; which of them are given is the score.

    `query_weight` and perhaps `bias`: W q + b, a score for each feature. `query_weight`,
    `series_weight` and `energy_weight`: v . tanh(W q + U x^k), where x^k is feature k of all steps
    of `key` (the input attention of DA-RNN).

    Args:
        query: (..., Q); with a series (B, Tq, Q), unbatched (Tq, Q).
        key: The series (B, T, F), unbatched (T, F); not read without `series_weight`.
        value: (..., F), its other axes those of `query`.
        mask: bool, broadcastable to `value`; True = attend to the feature.
        query_weight: (F, Q), with a series (A, Q).
        bias: (F,).
        series_weight: (A, T).
        energy_weight: (1, A).
        need_weights: Whether to return the weights; they are computed either way.

    Returns:
        context, the weights times `value`, and the weights, or None; both of the shape of `value`,
        and zero where every feature is masked.

    Raises:
        OptionError: The mask, the series or the scores do not fit, or one of `series_weight` and
            `energy_weight` is given without the other.
    """
    if (series_weight is None) != (energy_weight is None):
        raise OptionError("a series takes series_weight and energy_weight, got one of the two")
    check_mask(mask, tuple(value.shape))
    scores = F.linear(query, query_weight, bias)
    if series_weight is not None and energy_weight is not None:
        check_sequences(query, key, value)
        if key.size(-2) != series_weight.size(1):
            raise OptionError(
                f"key must have {series_weight.size(1)} steps, those of series_weight, "
                f"got shape {tuple(key.shape)}"
            )
        series = F.linear(key.transpose(-1, -2), series_weight)  # (B, F, A)
        pairs = torch.tanh(scores.unsqueeze(-2) + series.unsqueeze(-3))  # (B, Tq, F, A)
        scores = F.linear(pairs, energy_weight).squeeze(-1)
    if scores.shape != value.shape:
        raise OptionError(
            f"value must have the scores' shape {tuple(scores.shape)}, got {tuple(value.shape)}"
        )
    weights = masked_softmax(scores, mask)
    return weights * value, weights if need_weights else None


class FeatureAttention(Attention):
    """Context = softmax over the features of (W query + b), times value, feature by feature.

    With `series=T` the score of feature k is v . tanh(W query + U x^k), where x^k is that feature
    at all T steps of the key: the input attention of DA-RNN (Qin et al., arXiv:1704.02971,
    equations 8 and 9), whose query is [h; s] of the step before and whose value is the present
    step. It reads later steps too and cannot be causal.

    Weights are over features and not over steps: they and the mask have the shape of `value`, and
    nothing is attended to but the step itself. Without `series` any tensors do whose last axis is
    the features: nodes of a graph (N, F), images (B, height, width, F).

    Args:
        query_size: Features of a query.
        key_size: Features that get a weight: those of key and value; as many as a query's if not
            given.
        series: None, or the steps T of the key.
        batch_first: With `series`, sequences are (B, T, ...), else (T, B, ...).
        device: Of the parameters.
        dtype: Of the parameters.

    Raises:
        OptionError: A size or `series` is no positive int.

    Example:
        >>> context, weights = FeatureAttention(8)(torch.randn(4, 8))
        >>> weights.shape
        torch.Size([4, 8])
    """

    over_features = True

    def __init__(
        self,
        query_size: int,
        key_size: int | None = None,
        *,
        series: int | None = None,
        batch_first: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        key_size = query_size if key_size is None else key_size
        super().__init__(query_size, key_size, batch_first=batch_first)
        self.series = series
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        if series is None:
            self.query_projection = ReadLinear(query_size, key_size, **like)
            return
        check_size("series", series)
        self.query_projection = ReadLinear(query_size, series, bias=False, **like)
        self.series_projection = ReadLinear(series, series, bias=False, **like)
        self.energy = ReadLinear(series, 1, bias=False, **like)

    @one_node
    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        need_weights: bool = True,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Args:
            query: (..., query_size); with `series` as of `Attention`.
            key: (..., key_size), only the default of `value`; with `series` (B, T, key_size), laid
                out as `query`. The query itself if not given.
            value: What is weighed: (..., key_size), its other axes those of `query`; `key` if not
                given.
            mask: bool, broadcastable to `value`, batch first; True = attend to the feature.
            causal: Allowed without `series`, where a step sees itself alone; refused with it.
            need_weights: Whether to return the weights; they are computed either way.

        Returns:
            context, of the shape of `value`, and the weights or None: of the same shape, with
            `series` batch first. Both are zero where every feature is masked.

        Raises:
            OptionError: A tensor's shape does not fit, the mask is not bool, or `causal` is asked
                for with `series`.
        """
        key = query if key is None else key
        value = key if value is None else value
        if self.series is not None:
            return super().forward(
                query, key, value, mask, causal=causal, need_weights=need_weights
            )
        self._check_vectors(query, key, value)
        return feature_attention(
            query, key, value, mask, need_weights=need_weights, **self.score_weights()
        )

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        causal: bool,
        need_weights: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Return `feature_attention` over a series with this module's parameters."""
        if causal:
            raise OptionError(
                "feature attention with series reads later steps too and cannot be causal: "
                "use it with both directions, or without series"
            )
        given = self.score_weights()
        steps, series = key.size(1), given["series_weight"].size(1)
        if steps != series:
            if steps > series or not self.any_length:
                raise OptionError(f"key must have {series} steps (series), got {steps}")
            # As if the steps that are missing were zero.
            given["series_weight"] = given["series_weight"][:, :steps]
        return feature_attention(query, key, value, mask, need_weights=need_weights, **given)

    def score_weights(self) -> dict[str, Tensor]:
        """Return the parameters of the score as keyword arguments of `feature_attention`."""
        if self.series is None:
            return {
                "query_weight": self.query_projection.weight,
                "bias": self.query_projection.bias,
            }
        return {
            "query_weight": self.query_projection.weight,
            "series_weight": self.series_projection.weight,
            "energy_weight": self.energy.weight,
        }

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        check_sequences(query, key, value)
        check_features("query", query, self.query_size)
        for tensor in (key, value):
            check_features("key", tensor, self.key_size)
        self._check_batch(query, key, value)
        self._check_steps("query", query, value)

    def _check_vectors(self, query: Any, key: Any, value: Any) -> None:
        for name, tensor in (("query", query), ("key", key), ("value", value)):
            if not isinstance(tensor, Tensor):
                raise OptionError(f"{name} must be a tensor, got {type(tensor).__name__}")
        check_features("query", query, self.query_size)
        check_features("key", value, self.key_size)
        if query.shape[:-1] != value.shape[:-1]:
            raise OptionError(
                "query and value must have the same axes but for features, got "
                f"{tuple(query.shape)} and {tuple(value.shape)}"
            )

    def extra_repr(self) -> str:
        """Return the sizes and the steps of the series."""
        series = "" if self.series is None else f", series={self.series}"
        return f"{self.query_size}, {self.key_size}{series}"


FeatureAttention.__module__ = feature_attention.__module__ = "rnnswap.attention"
