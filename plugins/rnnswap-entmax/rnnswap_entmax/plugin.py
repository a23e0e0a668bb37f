"""What rnnswap reads: the records of the two mechanisms. Imports no torch."""

from __future__ import annotations

import rnnswap

_SCORE = rnnswap.OptionSpec(str, "general", "dot or general", choices=("dot", "general"))
_ALPHA = rnnswap.OptionSpec(float, 1.5, "1 would be softmax, 2 is sparsemax", above=1)


@rnnswap.hookimpl
def rnnswap_attentions() -> list[rnnswap.AttentionSpec]:
    """Return the records of sparsemax and entmax."""
    return [
        rnnswap.AttentionSpec(
            name="sparsemax",
            target="rnnswap_entmax:SparsemaxAttention",
            options={"score": _SCORE},
            summary="scores projected onto the simplex: many weights are zero (arXiv:1602.02068)",
        ),
        rnnswap.AttentionSpec(
            name="entmax",
            target="rnnswap_entmax:EntmaxAttention",
            options={"alpha": _ALPHA, "score": _SCORE},
            summary="between softmax and sparsemax: weights may be zero (arXiv:1905.05702)",
        ),
    ]
