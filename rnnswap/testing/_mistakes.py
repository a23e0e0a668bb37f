"""Checks that calling a layer wrongly raises what nn.LSTM raises."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from rnnswap.testing._checks import check
from rnnswap.testing._compare import require_same_error
from rnnswap.testing._subject import H, I, Subject, torch_layer


def _zeros(*sizes: int) -> Tensor:
    return torch.zeros(*sizes)


def _require_refused(
    subject: Subject,
    calls: dict[str, tuple[Any, Any]],
    or_else: tuple[type[Exception], ...] = (),
) -> None:
    """Fail unless each call (input, hx) raises what nn.LSTM raises for it."""
    layer, lstm = subject.build(dtype=torch.float32), torch_layer(dtype=torch.float32)
    for what, call in calls.items():
        require_same_error(partial(layer, *call), [partial(lstm, *call)], what, or_else)


@check()
def input_mistakes(subject: Subject) -> None:
    """Input of a wrong rank, width, dtype or type, or without steps, raises as nn.LSTM does."""
    wrong: dict[str, Any] = {
        "1-D input": _zeros(I),
        "4-D input": _zeros(2, 5, 4, I),
        "input of another width": _zeros(5, 4, I + 1),
        "unbatched input of another width": _zeros(5, I + 1),
        "input without steps": _zeros(0, 4, I),
        "unbatched input without steps": _zeros(0, I),
        "float64 input for float32 weights": _zeros(5, 4, I).double(),
        "float16 input for float32 weights": _zeros(5, 4, I).half(),
        "integer input": _zeros(5, 4, I).long(),
        "a list as input": [[0.0] * I],
        "None as input": None,
    }
    _require_refused(subject, {what: (x, None) for what, x in wrong.items()})


@check()
def state_mistakes(subject: Subject) -> None:
    """A state of a wrong rank, batch, depth, width, dtype or device raises as nn.LSTM does."""
    x, good = _zeros(5, 4, I), _zeros(1, 4, H)
    meta = torch.zeros(1, 4, H, device="meta")
    wrong: dict[str, tuple[Tensor, Tensor]] = {
        "h_0 of another batch": (_zeros(1, 5, H), good),
        "c_0 of another batch": (good, _zeros(1, 5, H)),
        "h_0 of another depth": (_zeros(2, 4, H), good),
        "c_0 of another depth": (good, _zeros(2, 4, H)),
        "h_0 of another width": (_zeros(1, 4, H + 1), good),
        "c_0 of another width": (good, _zeros(1, 4, H + 1)),
        "2-D hx for batched input": (_zeros(1, H), _zeros(1, H)),
        "2-D c_0 for batched input": (good, _zeros(1, H)),
        "float64 hx for float32 weights": (good.double(), good.double()),
        "float64 h_0 for float32 weights": (good.double(), good),
        "float64 c_0 for float32 weights": (good, good.double()),
        "integer hx": (good.long(), good.long()),
        "hx on another device": (meta, meta),
    }
    calls = {what: (x, hx) for what, hx in wrong.items()}
    calls["3-D hx for unbatched input"] = x[:, 0], (_zeros(1, 1, H), _zeros(1, 1, H))
    calls["unbatched h_0 of another width"] = x[:, 0], (_zeros(1, H + 1), _zeros(1, H))
    _require_refused(subject, calls)


@check()
def state_is_no_pair(subject: Subject) -> None:
    """A state that is no pair of tensors raises as nn.LSTM does, or TypeError."""
    # nn.LSTM does not look; which type it stumbles with (IndexError, AttributeError, ...) depends
    # on the value, so a plain TypeError is as good.
    x, state = _zeros(5, 4, I), _zeros(1, 4, H)
    wrong: dict[str, Any] = {
        "a tensor as hx": state,
        "hx of one": (state,),
        "hx of three": (state, state, state),
        "an empty hx": (),
        "an int as hx": 3,
        "hx of None": (None, None),
        "hx without c_0": (state, None),
        "hx of strings": ("h", "c"),
        "a dict as hx": {"h": state, "c": state},
    }
    calls = {what: (x, hx) for what, hx in wrong.items()}
    calls["a tensor as unbatched hx"] = x[:, 0], _zeros(1, H)
    _require_refused(subject, calls, (TypeError,))


@check()
def packed_mistakes(subject: Subject) -> None:
    """Packed input or its hx of a wrong shape or dtype raises as nn.LSTM does, packed or padded."""
    layer, lstm = subject.build(dtype=torch.float32), torch_layer(dtype=torch.float32)
    good = _zeros(1, 2, H)
    wrong: dict[str, tuple[Tensor, Any]] = {
        "packed input of another width": (_zeros(5, 2, I + 1), None),
        "packed float64 input for float32 weights": (_zeros(5, 2, I).double(), None),
        "hx of another batch for packed input": (_zeros(5, 2, I), (_zeros(1, 3, H), good)),
        "c_0 of another batch for packed input": (_zeros(5, 2, I), (good, _zeros(1, 3, H))),
        "2-D hx for packed input": (_zeros(5, 2, I), (_zeros(1, H), _zeros(1, H))),
    }
    for what, (x, hx) in wrong.items():
        packed = pack_padded_sequence(x, [5, 3])
        require_same_error(
            partial(layer, packed, hx),
            [partial(lstm, packed, hx), partial(lstm, x, hx)],
            what,
        )
