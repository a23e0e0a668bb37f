"""What ships in the box, registered as a stranger's plugin would be. Imports no torch."""

from __future__ import annotations

from rnnswap.hookspecs import hookimpl
from rnnswap.spec import AttentionSpec, CellSpec, ClipSpec, OptionSpec

_COMMON_OPTIONS = {
    "layer_norm": OptionSpec(bool, False, "normalise the products of each gate"),
    "zoneout": OptionSpec(
        float, 0.0, "probability that a unit keeps its state at a step", at_least=0, below=1
    ),
    "input_dropout": OptionSpec(
        float, 0.0, "probability of dropping a feature at all steps", at_least=0, below=1
    ),
}
_INDRNN_OPTIONS = {
    "nonlinearity": OptionSpec(str, "relu", "activation: relu or tanh", choices=("relu", "tanh")),
    "recurrent_max": OptionSpec(float, None, "upper bound of |u|, > 0", above=0),
    "recurrent_min": OptionSpec(float, None, "lower bound of |u|, >= 0", at_least=0),
    "recurrent_init": OptionSpec(str, None, "range LOW,HIGH from which u starts"),
    "last_layer_init": OptionSpec(str, None, "the same for the last layer alone"),
    "gradient_clip": OptionSpec(str, None, "clamp the layer's gradients: X or LOW,HIGH"),
    **_COMMON_OPTIONS,
}

_SCORE = OptionSpec(
    str, "general", "dot, general or additive", choices=("dot", "general", "additive")
)
_HEADS = {
    "heads": OptionSpec(
        int, None, "they divide the width; default: most of 8, 4, 2, 1", at_least=1
    ),
    "bias": OptionSpec(bool, True, "of the projections"),
}
_ORDER = OptionSpec(float, 2.0, "order of the norm, > 0; inf for the maximum", above=0)
_ABOVE_ZERO = OptionSpec(float, above=0)
# A clamp between other numbers would shift every gradient.
_AROUND_ZERO = {"low": OptionSpec(float, at_most=0), "high": OptionSpec(float, at_least=0)}


@hookimpl
def rnnswap_cells() -> list[CellSpec]:
    """The cells of the box, and nn.LSTM itself as the way back."""
    return [
        CellSpec(
            name="janet",
            target="rnnswap:JANET",
            cell_target="rnnswap:JANETCell",
            transfers=True,
            options={
                "beta": OptionSpec(float, 1.0, "shift of the input gate"),
                "t_max": OptionSpec(
                    int, None, "longest sequence, > 2: chrono initialisation", above=2
                ),
                **_COMMON_OPTIONS,
            },
            summary="forget gate only, half of an LSTM's parameters (arXiv:1804.04849)",
        ),
        CellSpec(
            name="indrnn",
            target="rnnswap:IndRNN",
            cell_target="rnnswap:IndRNNCell",
            options=_INDRNN_OPTIONS,
            summary="element-wise recurrence for very long sequences (arXiv:1803.04831)",
        ),
        CellSpec(
            name="indrnn-v2",
            target="rnnswap:IndRNNv2",
            options=_INDRNN_OPTIONS
            | {
                "batch_norm": OptionSpec(bool, False, "batch norm over time after each layer"),
                "residual": OptionSpec(bool, False, "add a layer's input to its output"),
            },
            summary="IndRNN stacked deep: batch norm and residual connections (arXiv:1910.06251)",
        ),
        CellSpec(
            name="lstm",
            target="torch.nn:LSTM",
            cell_target="torch.nn:LSTMCell",
            summary="torch.nn.LSTM itself: the way back",
        ),
    ]


@hookimpl
def rnnswap_attentions() -> list[AttentionSpec]:
    """The attention mechanisms of the box."""
    return [
        AttentionSpec(
            name="soft",
            target="rnnswap.attention:SoftAttention",
            options={"score": _SCORE},
            summary="softmax over the steps; every step keeps a weight (arXiv:1508.04025)",
        ),
        AttentionSpec(
            name="hard",
            target="rnnswap.attention:HardAttention",
            options={
                "score": _SCORE,
                "k": OptionSpec(int, None, "weights kept; 4 if no threshold is given", at_least=1),
                "threshold": OptionSpec(
                    float, None, "in [0, 1]: smaller weights become zero", at_least=0
                ),
                "renormalise": OptionSpec(bool, True, "what is kept sums to 1"),
            },
            summary="as soft, then the weights that fail a condition become exactly zero",
        ),
        AttentionSpec(
            name="multihead",
            target="rnnswap.attention:MultiHead",
            options=_HEADS,
            summary="several heads with projections of their own (arXiv:1706.03762)",
        ),
        AttentionSpec(
            name="self",
            target="rnnswap.attention:SelfAttention",
            options=_HEADS,
            summary="multihead of a sequence with itself, which is all it takes",
        ),
        AttentionSpec(
            name="feature",
            target="rnnswap.attention:FeatureAttention",
            options={
                "series": OptionSpec(
                    int, None, "read each feature's series of so many steps", at_least=1
                ),
            },
            summary="softmax over the features of a step; with series as arXiv:1704.02971",
        ),
    ]


@hookimpl
def rnnswap_clip_policies() -> list[ClipSpec]:
    """The clipping policies of the box."""
    return [
        ClipSpec(name="none", target="rnnswap.clip:NoClip", summary="leave gradients as they are"),
        ClipSpec(
            name="value",
            target="rnnswap.clip:ValueClip",
            numbers=("limit",),
            bounds={"limit": _ABOVE_ZERO},
            summary="clamp every element to [-limit, limit] (torch's clip_grad_value_)",
        ),
        ClipSpec(
            name="range",
            target="rnnswap.clip:RangeClip",
            numbers=("low", "high"),
            bounds=_AROUND_ZERO,
            summary="clamp every element to [low, high] at the step",
        ),
        ClipSpec(
            name="hook",
            target="rnnswap.clip:HookClip",
            numbers=("low", "high"),
            bounds=_AROUND_ZERO,
            summary="clamp to [low, high] in a hook on each parameter, at each backward",
        ),
        ClipSpec(
            name="norm",
            target="rnnswap.clip:NormClip",
            numbers=("max_norm",),
            bounds={"max_norm": _ABOVE_ZERO},
            options={"p": _ORDER},
            summary="scale an optimizer's gradients to a total norm (torch's clip_grad_norm_)",
        ),
        ClipSpec(
            name="layer-norm",
            target="rnnswap.clip:LayerNormClip",
            numbers=("max_norm",),
            bounds={"max_norm": _ABOVE_ZERO},
            summary="scale the gradient of each parameter to a norm of its own",
        ),
        ClipSpec(
            name="agc",
            target="rnnswap.clip:AdaptiveClip",
            numbers=("ratio",),
            bounds={"ratio": _ABOVE_ZERO},
            options={
                "floor": OptionSpec(float, 1e-3, "least norm that weights count by, > 0", above=0)
            },
            summary="bound each unit's gradient by the norm of its weights (arXiv:2102.06171)",
        ),
        ClipSpec(
            name="percentile",
            target="rnnswap.clip:PercentileClip",
            numbers=("percent",),
            bounds={"percent": OptionSpec(float, at_least=0, at_most=100)},
            summary="scale to a percentile of all norms so far, AutoClip (arXiv:2007.14469)",
        ),
        ClipSpec(
            name="zclip",
            target="rnnswap.clip:ZClip",
            numbers=("z",),
            bounds={"z": _ABOVE_ZERO},
            options={
                "alpha": OptionSpec(
                    float, 0.97, "share of the averages kept at a step", above=0, below=1
                ),
                "warmup": OptionSpec(int, 25, "steps from which the averages start", at_least=1),
            },
            summary="scale norms that are outliers by their z-score (arXiv:2504.02507)",
        ),
    ]
