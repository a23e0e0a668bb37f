"""What rnnswap reads: a record for each layer of torchrecurrent. Imports no torch."""

from __future__ import annotations

import rnnswap
from rnnswap_torchrecurrent._names import HELP, OPTIONS, READ_LAST, UNSUPPORTED


@rnnswap.hookimpl
def rnnswap_cells() -> list[rnnswap.CellSpec]:
    """Return the records: torchrecurrent's MGU is the cell tr-mgu."""
    return [_record(name) for name in OPTIONS]


def _record(name: str) -> rnnswap.CellSpec:
    options = {
        key: rnnswap.OptionSpec(type(default), default, HELP.get(key, "name of the activation"))
        for key, default in OPTIONS[name].items()
    }
    lack = "; the input before a chunk is not carried over" if name in READ_LAST else ""
    return rnnswap.CellSpec(
        name=f"tr-{name.lower()}",
        target=f"rnnswap_torchrecurrent:{name}",
        options=options,
        unsupported=frozenset(UNSUPPORTED.get(name, ())),
        summary=f"{name} of the package torchrecurrent{lack}",
    )
