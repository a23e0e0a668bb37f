"""Checks of the constructor: nn.LSTM's arguments, in its order, with its errors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from rnnswap.spec import LSTM_ARGUMENTS
from rnnswap.testing._checks import check
from rnnswap.testing._compare import (
    nan_in_new_memory,
    require,
    require_equal,
    require_same_error,
    require_written,
)
from rnnswap.testing._report import BEYOND
from rnnswap.testing._subject import H, I, Subject, inputs, run

_DEFAULTS: dict[str, Any] = {
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
    "proj_size": 0,
}
_UNUSUAL: dict[str, Any] = {
    "num_layers": 2,
    "bias": False,
    "batch_first": True,
    "dropout": 0.25,
    "bidirectional": True,
    "proj_size": 3,
    "device": torch.device("cpu"),
    "dtype": torch.float64,
}


@check()
def plain_call(subject: Subject) -> None:
    """Two sizes are enough to construct the layer, and it runs on (T, B, I)."""
    subject.construct(I, H)(inputs(dtype=torch.float32))


def _arguments(subject: Subject) -> dict[str, Any]:
    """Return every argument with a value that is not the default, where the class can."""
    sizes = {"input_size": 4, "hidden_size": 6}
    others = {
        name: value if subject.can(name) else _DEFAULTS.get(name)
        for name, value in _UNUSUAL.items()
    }
    if others["num_layers"] == 1:
        others["dropout"] = 0.0
    return sizes | others


def _require_attributes(layer: Any, arguments: dict[str, Any]) -> None:
    for name in LSTM_ARGUMENTS[:8]:
        require(hasattr(layer, name), f"expected an attribute {name}, got none")
        require_equal(getattr(layer, name), arguments[name], name)
    if arguments["dtype"] is not None:
        require_equal({p.dtype for p in layer.parameters()}, {arguments["dtype"]}, "parameters of")


@check()
def positional_arguments(subject: Subject) -> None:
    """All ten arguments of nn.LSTM, positional in its order, end as its attributes."""
    arguments = _arguments(subject)
    layer = subject.construct(*(arguments[name] for name in LSTM_ARGUMENTS))
    _require_attributes(layer, arguments)


@check()
def keyword_arguments(subject: Subject) -> None:
    """All ten arguments of nn.LSTM by keyword end as its attributes."""
    arguments = _arguments(subject)
    _require_attributes(subject.construct(**arguments), arguments)


@check()
def default_arguments(subject: Subject) -> None:
    """Arguments that are not given have nn.LSTM's defaults."""
    layer = subject.construct(4, 6)
    for name, value in _DEFAULTS.items():
        require_equal(getattr(layer, name, None), value, f"default {name}")
    require_equal({p.dtype for p in layer.parameters()}, {torch.float32}, "parameters of")


@check(needs=("dtype",))
def dtype_argument(subject: Subject) -> None:
    """dtype= and the default dtype decide the parameters' dtype."""
    for dtype in (torch.float64, torch.bfloat16):
        found = {p.dtype for p in subject.construct(4, 6, dtype=dtype).parameters()}
        require_equal(found, {dtype}, "parameters of")
    # The caller restores the default.
    torch.set_default_dtype(torch.float64)
    found = {p.dtype for p in subject.construct(4, 6).parameters()}
    require_equal(found, {torch.float64}, "parameters under that default dtype of")


@check(needs=("device",))
def meta_device(subject: Subject) -> None:
    """On the meta device the layer is built and runs; to_empty and reset_parameters revive it."""
    layer = subject.construct(5, 6, device="meta")
    require_equal({p.device.type for p in layer.parameters()}, {"meta"}, "parameters on device")
    output, h_n, _ = run(layer, inputs(dtype=torch.float32).to("meta"))
    require_equal((tuple(output.shape), output.device.type), ((5, 4, 6), "meta"), "output")
    require_equal(tuple(h_n.shape), (1, 4, 6), "shape of h_n")
    with nan_in_new_memory():
        layer.to_empty(device="cpu").reset_parameters()
    require_written(layer, "after to_empty and reset_parameters")
    require_equal(tuple(run(layer, inputs(dtype=torch.float32))[0].shape), (5, 4, 6), "shape")


@check(group=BEYOND, needs=("device",))
def new_memory(subject: Subject) -> None:
    """A layer on the meta device that is given memory draws it: whoever gives it knows nn.LSTM."""
    for setting in subject.settings():
        layer = subject.build(setting, torch.float32, device="meta")
        with nan_in_new_memory():
            layer.to_empty(device="cpu")
        require_written(layer, f"after to_empty, {setting}")


@check()
def size_mistakes(subject: Subject) -> None:
    """Wrong sizes and missing arguments raise nn.LSTM's exception types."""
    wrong: list[tuple[Any, ...]] = [(), (4,), (0, 6), (-1, 6), (4, 0), (4, -2)]
    wrong += [(4.0, 6), ("4", 6), (None, 6), (4, 6.0), (4, "6"), (torch.tensor(4), 6)]
    if subject.can("num_layers"):
        wrong += [(4, 6, 0), (4, 6, -1), (4, 6, 2.0), (4, 6, "2")]
    _require_refused(subject, wrong)


@check()
def flag_mistakes(subject: Subject) -> None:
    """A bias or batch_first that is no bool raises nn.LSTM's exception type."""
    _require_refused(subject, [(4, 6, 1, 1), (4, 6, 1, None)], ("bias",))
    _require_refused(subject, [(4, 6, 1, True, 0), (4, 6, 1, True, "yes")], ("batch_first",))


@check(needs=("dropout", "num_layers"))
def dropout_mistakes(subject: Subject) -> None:
    """A dropout that is no number in [0, 1] raises nn.LSTM's exception type."""
    values = (1.5, -0.1, True, "0.5", "half", None, float("nan"))
    _require_refused(subject, [(4, 6, 2, True, False, value) for value in values])


@check(needs=("proj_size",))
def projection_mistakes(subject: Subject) -> None:
    """A proj_size that is negative, no int or not below hidden_size raises as nn.LSTM does."""
    values = (6, 7, -1, "2", 2.0)
    _require_refused(subject, [(4, 6, 1, True, False, 0.0, False, value) for value in values])


@check()
def surplus_arguments(subject: Subject) -> None:
    """An unknown keyword and an eleventh positional argument raise TypeError."""
    sizes = (4, 6, 1, True, False, 0.0, False, 0, None, None)
    _require_refused(subject, [(*sizes, 1), (*sizes, "tanh")])
    for name in ("hiden_size", "nonlinearities"):
        require_same_error(
            partial(subject.construct, 4, 6, **{name: 3}),
            [partial(nn.LSTM, 4, 6, **{name: 3})],
            f"the unknown keyword {name}=3",
        )


@check(needs=("device", "dtype"))
def factory_mistakes(subject: Subject) -> None:
    """A device or dtype that torch does not know raises nn.LSTM's exception types."""
    wrong: tuple[dict[str, Any], ...] = (
        {"device": "nowhere"},
        {"dtype": "float"},
        {"dtype": torch.int64},
    )
    for keywords in wrong:
        require_same_error(
            partial(subject.construct, 4, 6, **keywords),
            [partial(nn.LSTM, 4, 6, **keywords)],
            f"{keywords}",
        )


@check(needs=("dropout", "num_layers"))
def dropout_warning(subject: Subject) -> None:
    """A dropout at depth 1 warns once, as it has no effect; deeper it does not."""
    for layers, expected in ((1, 1), (2, 0)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            subject.construct(4, 6, layers, dropout=0.5)
        found = [w for w in caught if issubclass(w.category, UserWarning)]
        about = [w for w in found if "dropout" in str(w.message)]
        require_equal(len(about), expected, f"UserWarnings about dropout at depth {layers}:")


def _require_refused(
    subject: Subject, calls: Sequence[tuple[Any, ...]], needs: tuple[str, ...] = ()
) -> None:
    """Fail unless each call raises what nn.LSTM raises for it."""
    if not subject.can(*needs):
        return
    for call in calls:
        text = ", ".join(repr(argument) for argument in call)
        require_same_error(
            partial(subject.construct, *call),
            [partial(nn.LSTM, *call)],
            f"({text})",
        )
