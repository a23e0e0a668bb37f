"""Questions to torch about what is being done with its operations. Needs torch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
import torch.utils._pytree as pytree
from torch import Tensor, fx, nn

_Forward = TypeVar("_Forward", bound=Callable[..., Any])


def is_transformed() -> bool:
    """Return whether a transform of torch.func is active; a trace takes the answer as given."""
    return torch._C._functorch.peek_interpreter_stack() is not None


# Dynamo would trace the function and knows no stack of transforms; it guards on the stack itself.
is_transformed._dynamo_marked_constant = True  # type: ignore[attr-defined]


def as_one_node(module: nn.Module, forward: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Return a module's call as one node of the graph that torch.fx makes, None if it makes none.

    As with modules of torch.nn, which symbolic tracing does not look into: a check of an input's
    shape would end it. To be called at the beginning of `forward`, where an argument is no tensor:
    a stand-in for one is none.

    Args:
        module: The one that is called.
        forward: What was called. A subclass with a forward of its own is looked into, as torch.fx
            does with users' modules, and then cannot be one node any more.
        *given: The arguments.
        **named: Those given by name.
    """
    leaves = pytree.tree_leaves((given, named))
    proxy = next((leaf for leaf in leaves if isinstance(leaf, fx.Proxy)), None)
    if proxy is None or _forward_of(type(module)) is not forward:
        return None
    path_of = getattr(proxy.tracer, "path_of_module", None)
    try:
        path = path_of(module) if path_of else ""
    except NameError:  # the module is no part of what is traced
        return None
    # Without a path it is all that is traced.
    return proxy.tracer.create_proxy("call_module", path, given, named) if path else None


def _forward_of(kind: type[nn.Module]) -> Any:
    """Return what a class runs; of a cell made an nn.LSTM as well, the forward that it calls."""
    owner = next(base for base in kind.__mro__ if "forward" in vars(base))
    return vars(owner).get("_stands_for", owner).forward


def one_node(forward: _Forward) -> _Forward:
    """Let a module whose `forward` this is, of tensors, be one node in a graph of torch.fx."""

    @functools.wraps(forward)
    def runs(self: nn.Module, *given: Any, **named: Any) -> Any:
        first = given[0] if given else next(iter(named.values()), None)
        if not isinstance(first, Tensor):
            node = as_one_node(self, runs, *given, **named)
            if node is not None:
                return node
        return forward(self, *given, **named)

    return cast(_Forward, runs)


def is_traced() -> bool:
    """Return whether torch.jit.trace records what is done."""
    traced: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return traced
