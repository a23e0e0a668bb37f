"""Checks of what a caller hands to a recurrent layer, with nn.LSTM's exception types."""

from __future__ import annotations

import inspect
import itertools
import math
import numbers
import operator
import warnings
from typing import Any, NoReturn

import torch
from torch import Tensor

from rnnswap.errors import OptionError, UnsupportedError


def check_constructor(
    input_size: Any,
    hidden_size: Any,
    num_layers: Any,
    bias: Any,
    batch_first: Any,
    dropout: Any,
    proj_size: Any,
) -> None:
    """Refuse what nn.LSTM's constructor refuses, and warn where it warns.

    Raises:
        TypeError: A size is not an int, or a flag is not a bool.
        ValueError: A size, `dropout` or `proj_size` is out of range.
    """
    for name, flag in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(flag, bool):
            raise TypeError(f"{name} should be of type bool, got: {flag!r}")
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(size, int):
            raise TypeError(f"{name} should be of type int, got: {size!r}")
        if size <= 0:
            raise ValueError(f"{name} must be greater than zero, got {size}")
    if as_int("num_layers", num_layers) <= 0:
        raise ValueError(f"num_layers must be greater than zero, got {num_layers}")
    if not 0 <= proj_size < hidden_size:
        raise ValueError(
            f"proj_size must be at least 0 and smaller than hidden_size {hidden_size}, "
            f"got {proj_size}"
        )
    _check_dropout(dropout, num_layers)


def as_int(name: str, number: Any) -> int:
    """Return a whole number of any type, such as numpy's, as an int.

    Raises:
        TypeError: It is none.
    """
    try:
        return operator.index(number)
    except TypeError:
        raise TypeError(f"{name} should be of type int, got: {number!r}") from None


def as_plain(number: Any) -> Any:
    """Return a number of another library as Python's; None stays None."""
    if number is None or isinstance(number, bool):
        return number
    return int(number) if isinstance(number, numbers.Integral) else float(number)


def check_flag(name: str, value: Any) -> None:
    """Refuse what is not a bool.

    Raises:
        OptionError: It is not.
    """
    if not isinstance(value, bool):
        raise OptionError(f"{name} must be True or False, got {value!r}")


def check_probability(name: str, value: Any) -> None:
    """Refuse what is not a number in [0, 1).

    Raises:
        OptionError: It is not.
    """
    if not is_finite(value) or not 0 <= value < 1:
        raise OptionError(f"{name} must be a number in [0, 1), got {value!r}")


def is_finite(value: Any) -> bool:
    """Return whether `value` is a real number, and neither a bool, nan nor infinite."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return number and math.isfinite(value)


def _check_dropout(dropout: Any, num_layers: int) -> None:
    sentence = f"dropout should be a number in range [0, 1], got {dropout!r}"
    try:
        float(dropout)
    except TypeError:
        raise TypeError(sentence) from None
    except ValueError:
        raise ValueError(sentence) from None
    number = isinstance(dropout, numbers.Number) and not isinstance(dropout, bool)
    if not number or not 0 <= float(dropout) <= 1:
        raise ValueError(sentence)
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            f"dropout acts between layers, so dropout={dropout} has no effect with num_layers=1",
            stacklevel=_frames_to_caller(),
        )


def _frames_to_caller() -> int:
    """Return the stack level of whoever constructs the layer, however deep the subclass is."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and (level < 2 or frame.f_code.co_name in _CONSTRUCTION):
        frame, level = frame.f_back, level + 1
    return level


_CONSTRUCTION = ("check_constructor", "_check_dropout", "__init__")


def check_input(x: Tensor, ranks: tuple[int, ...], input_size: int, dtype: torch.dtype) -> None:
    """Refuse an input of the wrong rank, width, dtype or without steps.

    Raises:
        ValueError: The rank or the dtype is wrong.
        RuntimeError: The width is wrong, or there is no step.
    """
    if x.dim() not in ranks:
        wanted = " or ".join(f"{rank}-D" for rank in ranks)
        raise ValueError(f"expected {wanted} input, got {x.dim()}-D of shape {tuple(x.shape)}")
    if x.dtype != dtype and not torch._C._is_any_autocast_enabled():
        raise ValueError(
            f"RNN input dtype ({x.dtype}) does not match weight dtype ({dtype}): "
            "convert one of the two with .to()"
        )
    if x.size(-1) != input_size:
        raise RuntimeError(
            f"expected input of {input_size} features (input_size), got {x.size(-1)} "
            f"in shape {tuple(x.shape)}"
        )


def check_state(hx: Any, rank: int) -> tuple[Tensor, Tensor]:
    """Return hx as a pair of tensors of `rank` dimensions.

    Raises:
        TypeError: hx is not a pair of tensors.
        RuntimeError: A tensor has another rank.
    """
    if isinstance(hx, Tensor) or not hasattr(hx, "__len__") or len(hx) != 2:
        raise TypeError(f"hx must be a pair (h_0, c_0) of tensors, got {type(hx).__name__}")
    h0, c0 = hx
    for name, state in (("h_0", h0), ("c_0", c0)):
        if not isinstance(state, Tensor):
            raise TypeError(f"{name} must be a tensor, got {type(state).__name__}")
        if state.dim() != rank:
            raise RuntimeError(
                f"{name} must be {rank}-D for {'batched' if rank == 3 else 'unbatched'} input, "
                f"got {state.dim()}-D of shape {tuple(state.shape)}"
            )
    return h0, c0


def check_state_like(name: str, state: Tensor, expected: tuple[int, ...], x: Tensor) -> None:
    """Refuse a state of another shape than `expected`, or of another dtype than the input.

    Raises:
        RuntimeError: The shapes or the dtypes differ.
    """
    if tuple(state.shape) != expected:
        raise RuntimeError(f"expected {name} of shape {expected}, got {tuple(state.shape)}")
    if state.dtype != x.dtype and not torch._C._is_any_autocast_enabled():
        raise RuntimeError(f"expected {name} of the input's {x.dtype}, got {state.dtype}")


def checked_sizes(data: Tensor, batch_sizes: Tensor) -> list[int]:
    """Return the batch sizes of a PackedSequence as numbers.

    Raises:
        RuntimeError: They are no such sequence's: they rise, or do not fit the data.
    """
    if batch_sizes.dim() != 1 or batch_sizes.is_floating_point():
        raise RuntimeError(
            f"expected batch_sizes to be a row of integers, got {batch_sizes.dtype} of shape "
            f"{tuple(batch_sizes.shape)}"
        )
    # As numbers, since each question to a tensor takes longer than all of these.
    sizes: list[int] = batch_sizes.tolist()
    falls = all(b <= a for a, b in itertools.pairwise(sizes))
    if not sizes or sizes[-1] < 1 or not falls or sum(sizes) != len(data):
        raise RuntimeError(
            f"expected batch_sizes that fall and have the sum {len(data)}, the rows of the packed"
            f" data, got {sizes if len(sizes) <= 10 else f'{len(sizes)} of the sum {sum(sizes)}'}"
        )
    return sizes


def check_order(order: Tensor, back: Tensor, batch: int, state: tuple[Tensor, ...] | None) -> None:
    """Refuse the order of a PackedSequence, or a state to be put in it, of another batch size.

    A state may have more rows, as nn.LSTM's may: the last ones are not read.

    Raises:
        RuntimeError: A size is wrong.
    """
    for name, indices in (("sorted_indices", order), ("unsorted_indices", back)):
        if tuple(indices.shape) != (batch,):
            raise RuntimeError(
                f"expected {name} of shape ({batch},), as the first of batch_sizes says, got "
                f"{tuple(indices.shape)}"
            )
    for name, given in zip(("h_0", "c_0"), state or (), strict=False):
        if given.size(1) < batch:
            raise RuntimeError(
                f"expected {name} of {batch} sequences, got shape {tuple(given.shape)}"
            )


def lengths_of(batch_sizes: Tensor) -> Tensor:
    """Return the lengths (B,) of sequences, the longest first, from the batch size of each step."""
    # Sequence b has as many steps as there are batches of more than b.
    # Named, for a default device may be set.
    sequences = torch.arange(int(batch_sizes[0]), device=batch_sizes.device)
    return len(batch_sizes) - torch.searchsorted(batch_sizes.flip(0), sequences, right=True)


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """Return the low precision that autocast asks for on a device, None without autocast."""
    if not torch._C._is_any_autocast_enabled():  # the quick question
        return None
    kind = device.type
    # Asked about a device that has no autocast, such as meta, torch raises.
    if not torch.amp.is_autocast_available(kind) or not torch.is_autocast_enabled(kind):
        return None
    return torch.get_autocast_dtype(kind)


def refuse_script(module: Any) -> NoReturn:
    """Say why torch.jit.script cannot compile a module of this library.

    Raises:
        UnsupportedError: Always.
    """
    raise UnsupportedError(
        f"torch.jit.script cannot compile {type(module).__name__}: "
        "use torch.compile, torch.export or torch.jit.trace"
    )


def cast_down(tensor: Tensor, low: torch.dtype) -> Tensor:
    """Cast as autocast does: floating point tensors but float64."""
    castable = tensor.is_floating_point() and tensor.dtype != torch.float64
    return tensor.to(low) if castable else tensor
