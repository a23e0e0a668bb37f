"""Attention over the steps of a recurrent layer's own output, as a class with its constructor."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnnswap._tracing import as_one_node, is_traced
from rnnswap.attention._base import Attention, reset
from rnnswap.attention._masked import allowed_keys
from rnnswap.constructors import with_arguments_of
from rnnswap.discovery import installed, load_class
from rnnswap.errors import OptionError
from rnnswap.spec import CHUNKED_STATE, MADE, AttentionSpec
from rnnswap.yielding import Yielding


def with_attention(cell: type[nn.Module], attention: str, **options: Any) -> type[nn.Module]:
    """Return a class that is `cell` with an attention mechanism over the steps of its output.

    Its constructor and `forward` are the cell's. The output becomes
    tanh(W_c [context; output]) in the cell's output shape (Luong et al., arXiv:1508.04025,
    equation 5), where each step attends to itself and those before it, with `bidirectional` to all
    steps, and padding is masked. h_n and c_n stay the recurrence's, so a model that reads only
    those sees no attention. Carrying the state over does not carry what was attended to: attention
    sees the current call only, and the class's `unsupported` says "chunked-state".

    The same arguments give the same class; it and its instances can be pickled.

    Args:
        cell: A recurrent layer class: torch.nn.LSTM or one with its contract.
        attention: Name of an installed attention mechanism, such as "soft".
        **options: Of the mechanism.

    Raises:
        UnknownNameError: No such mechanism is installed.
        OptionError: The mechanism has no such option or not with that value, or `cell` is not a
            module class.
        PluginError: The mechanism's class cannot be imported or is no torch.nn.Module.

    Example:
        >>> rnn = with_attention(JANET, "soft")(10, 20, batch_first=True)
    """
    if not _is_recurrent(cell):
        raise OptionError(f"with_attention takes a recurrent layer class, got {cell!r}")
    entry = installed().attentions.get(attention)
    chosen = tuple(sorted(_checked(entry.spec, options).items()))
    # mypy takes the class for one of its instances, which may not be hashable.
    return _build(cell, attention, load_class(entry), chosen)  # type: ignore[arg-type]


def _checked(spec: AttentionSpec, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options, each of its own type: 1, 1.0 and True would name one class."""
    spec.check_options(options)
    checked = {}
    for name, value in options.items():
        option = spec.options[name]
        if value is None and option.default is None:
            continue
        checked[name] = option.parse(name, str(value))
    return checked


def _is_recurrent(cell: object) -> bool:
    if not (isinstance(cell, type) and issubclass(cell, nn.Module)):
        return False
    # A stranger's class need not derive from RNNBase, but it takes nn.LSTM's arguments.
    return issubclass(cell, nn.RNNBase) or "num_layers" in inspect.signature(cell).parameters


def _name_of(cell: type[nn.Module], attention: str, options: Mapping[str, Any]) -> str:
    """Return a name that says how a class was made, by which `made_by_name` makes it anew.

    Pickle knows a class by its name alone, unless it has a metaclass of its own; two metaclasses
    would keep a class from having it and, for one, abc.ABC among its bases.
    """
    recipe = json.dumps([cell.__module__, cell.__qualname__, attention, options])
    return MADE + re.sub(r"[^A-Za-z0-9]", lambda m: f"_{ord(m[0]):02x}", recipe)


def made_by_name(name: str) -> type[nn.Module]:
    """Return the class that `with_attention` named so.

    Raises:
        AttributeError: There is none.
    """
    recipe = re.sub(r"_([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), name.removeprefix(MADE))
    try:
        module, path, attention, options = json.loads(recipe)
        cell: Any = functools.reduce(getattr, path.split("."), importlib.import_module(module))
    except (ValueError, ImportError) as error:
        raise AttributeError(f"module 'rnnswap' has no attribute {name!r}: {error}") from error
    return with_attention(cell, attention, **options)


class _OverSteps(nn.Module):
    """Attention of a sequence over itself and the attentional output."""

    def __init__(self, mechanism: nn.Module, width: int, causal: bool, **like: Any) -> None:
        super().__init__()
        self.mechanism = mechanism
        self.combine = nn.Linear(2 * width, width, bias=False, **like)
        self.causal = causal
        if isinstance(mechanism, Attention):
            mechanism.any_length = True

    def forward(self, output: Tensor, lengths: Tensor | None, batch_first: bool = True) -> Tensor:
        """Return the attentional output, laid out as output: (B, T, W) or (T, B, W)."""
        sequences = output if batch_first else output.transpose(0, 1)
        context = self._context(sequences, lengths)
        # Put beside each other in the layout of the output, which then is contiguous, as nn.LSTM's.
        both = torch.cat((context if batch_first else context.transpose(0, 1), output), -1)
        attentional = torch.tanh(self.combine(both))
        # tanh keeps its result for backward, and nn.LSTM's may be written into in float64. A trace
        # is made with gradients and checked without: it must be the same.
        kept = attentional.dtype == torch.float64 and attentional.requires_grad
        return attentional.clone() if kept and not is_traced() else attentional

    def _context(self, output: Tensor, lengths: Tensor | None) -> Tensor:
        steps = torch.arange(output.size(1), device=output.device)
        mask = None
        over_features = getattr(self.mechanism, "over_features", False)
        # A causal step sees no padding: that comes after it, and what padding sees is dropped.
        if lengths is not None and not self.causal and not over_features:
            mask = (steps < lengths.to(output.device).unsqueeze(1)).unsqueeze(1)
        context: Tensor
        if not isinstance(self.mechanism, Attention):
            # A stranger's module knows the four arguments of the contract.
            mask = allowed_keys(mask, self.causal, len(steps), len(steps), output.device)
            context, _ = self.mechanism(output, output, output, mask)
        else:
            context, _ = self.mechanism(
                output, output, output, mask, causal=self.causal, need_weights=False
            )
        return context


@functools.cache
def _build(
    cell: type[nn.Module],
    attention: str,
    mechanism: type[nn.Module],
    options: tuple[tuple[str, Any], ...],
) -> type[nn.Module]:
    class Attentive(cell):  # type: ignore[valid-type, misc]
        unsupported = frozenset({CHUNKED_STATE}).union(
            *(getattr(part, "unsupported", ()) for part in (cell, mechanism))
        )

        attention = Yielding("_attention")

        @with_arguments_of(cell)
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            first = next(self.parameters())
            like = {"device": first.device, "dtype": first.dtype}
            directions = 2 if self.bidirectional else 1
            width = (self.proj_size or self.hidden_size) * directions
            made = mechanism(width, width, **like, **dict(options))
            self._attention = _OverSteps(made, width, not self.bidirectional, **like)

        def reset_parameters(self) -> None:
            """Draw the layer's parameters anew, and the attention's as its modules do."""
            super().reset_parameters()
            # The layer's own constructor comes here before there is an attention.
            if "_attention" in self._modules:
                self._attention.apply(reset)

        def forward(self, input: Any, hx: Any = None) -> Any:
            if not isinstance(input, Tensor | PackedSequence):
                node = as_one_node(self, Attentive.forward, input, hx)
                if node is not None:
                    return node
            output, state = super().forward(input, hx)
            return self._attend(output), state

        def _attend(self, output: Any) -> Any:
            if isinstance(output, PackedSequence):
                padded, lengths = pad_packed_sequence(
                    PackedSequence(output.data, output.batch_sizes), batch_first=True
                )
                attended = self._attention(padded, lengths)
                if is_traced():  # ONNX's older exporter takes packing and unpacking away
                    steps = torch.arange(attended.size(1), device=lengths.device)
                    active = (steps < lengths.int().long().unsqueeze(1)).unsqueeze(-1)
                    attended = torch.where(active.to(attended.device), attended, 0.0)
                packed = pack_padded_sequence(attended, lengths, batch_first=True)
                # Both of the new one, as in a cell: of equal value.
                return PackedSequence(packed.data, packed.batch_sizes, *output[2:])
            if output.dim() == 2:
                return self._attention(output.unsqueeze(0), None).squeeze(0)
            return self._attention(output, None, self.batch_first)

    title = "".join(part.capitalize() for part in attention.split("-"))
    Attentive.__qualname__ = _name_of(cell, attention, dict(options))
    Attentive.__name__ = f"{cell.__name__}With{title}Attention"
    Attentive.__module__ = "rnnswap"
    Attentive.__doc__ = (
        f"{cell.__name__} with {attention} attention over the steps of its output.\n\n"
        f"Made by rnnswap.with_attention; its constructor is {cell.__name__}'s.\n\n"
        f"{cell.__doc__ or ''}"
    )
    return Attentive


with_attention.__module__ = "rnnswap"
