"""What rnnswap reads: the records of the two cells. Imports no torch."""

from __future__ import annotations

import rnnswap

_OPTIONS = {
    "candidate": rnnswap.OptionSpec(
        str,
        "linear",
        "linear: W x + b; positive: the log-space form's g(W x + b)",
        choices=("linear", "positive"),
    )
}


@rnnswap.hookimpl
def rnnswap_cells() -> list[rnnswap.CellSpec]:
    """Return the records of minGRU and minLSTM."""
    return [
        rnnswap.CellSpec(
            name="mingru",
            target="rnnswap_minrnn:MinGRU",
            options=_OPTIONS,
            summary="GRU whose gates do not read the state (arXiv:2410.01201)",
        ),
        rnnswap.CellSpec(
            name="minlstm",
            target="rnnswap_minrnn:MinLSTM",
            options=_OPTIONS,
            summary="LSTM whose gates do not read the state (arXiv:2410.01201)",
        ),
    ]
