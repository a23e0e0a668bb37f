"""A cell of torchrecurrent, taken apart: what all steps share, what each input gives, one step.

The cell's own forward is recorded once by torch.fx, with sizes left open. What depends on the
parameters alone is computed once a call; what depends on the input but not on the state, for all
steps at once; what is left is the step. Sums are put in another order for that, so that all but
their last term, the product with the state, is known beforehand.
"""

from __future__ import annotations

import functools
import inspect
import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

#: What a value depends on: parameters only, the input, the state. Each may depend on those before.
_PARAMETERS, _INPUT, _STATE = range(3)
_SIZE = 3
_LIKE: dict[str, Any] = {"device": torch.device("meta"), "dtype": torch.float32}


@dataclass(frozen=True)
class Program:
    """A cell's forward in three parts, called one after the other.

    Attributes:
        parameters: Names of the cell's parameters, the arguments of `prepare`.
        prepare: Takes the parameters, returns what the others take of them.
        project: Takes the inputs (N, features) of any number of steps and what `prepare` returned;
            returns tensors (N, width).
        step: Takes what `project` returned for one step, the states and what `prepare` returned;
            returns what the cell does.
        multiplied_by_h: The parameters whose columns the first state meets, if it meets nothing
            else: with a projection they have its width. None if it meets something else.
        widths: Of what `project` returns, in units of H.
    """

    parameters: tuple[str, ...]
    prepare: Callable[..., tuple[Tensor, ...]]
    project: Callable[..., tuple[Tensor, ...]]
    step: Callable[..., tuple[Tensor, ...]]
    multiplied_by_h: frozenset[str] | None
    widths: tuple[int, ...]


@functools.cache
def program_of(
    root: type[nn.Module], cell: type[nn.Module], options: tuple[tuple[str, Any], ...], inputs: int
) -> Program:
    """Return the program of `cell` with its options, called as `root` calls it.

    Args:
        root: Made with a cell; its forward takes the inputs, then the states.
        cell: A class of torchrecurrent.
        options: Keyword arguments of it.
        inputs: How many of the arguments are inputs.
    """
    # In a thread of its own: the caller's modes, default device and autocast are the caller's
    # thread's, and a recording under one of them would be kept for all layers to come.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_recorded, root, cell, options, inputs).result()


def _recorded(
    root: type[nn.Module], cell: type[nn.Module], options: tuple[tuple[str, Any], ...], inputs: int
) -> Program:
    # Any sizes will do: the recording leaves them open. On the meta device nothing is drawn.
    whole = root(cell(_SIZE, _SIZE, **biases_of(cell), **dict(options), **_LIKE))
    graph = _Tracer(sys.modules[cell.__module__]).trace(whole)
    graph.eliminate_dead_code()
    arguments = [node for node in graph.nodes if node.op == "placeholder"]
    depends = _dependence(graph, arguments[:inputs])
    for level in (_STATE, _INPUT):
        _sum_beforehand(graph, depends, level)
        graph.eliminate_dead_code()
    used = [n for n in graph.nodes if depends.get(n) is not None]
    parameters = [n for n in used if n.op == "get_attr"]
    shared = [n for n in used if depends[n] == _PARAMETERS and _reaches(n, depends, _PARAMETERS)]
    known = [n for n in used if depends[n] == _INPUT and _reaches(n, depends, _INPUT)]
    results = graph.output_node().args[0]
    names = tuple(str(n.target).removeprefix("cell.") for n in parameters)
    prepare = _function(parameters, shared, depends, _PARAMETERS)
    project = _function([*arguments[:inputs], *shared], known, depends, _INPUT)
    step = _function([*known, *arguments[inputs:], *shared], results, depends, _STATE)
    with torch.no_grad():
        prepared = prepare(*(whole.get_parameter(f"cell.{name}") for name in names))
        pieces = project(*[torch.zeros(1, _SIZE, **_LIKE)] * inputs, *prepared)
    widths = tuple(piece.size(1) // _SIZE for piece in pieces)
    return Program(names, prepare, project, step, _met_by(arguments[inputs]), widths)


def biases_of(cell: type[nn.Module]) -> dict[str, bool]:
    """Return the arguments by which a cell has all of its biases."""
    return {name: True for name in inspect.signature(cell).parameters if name.endswith("bias")}


class _Tracer(fx.Tracer):
    """Records every operation; functions of the cell's own module are one operation each."""

    def __init__(self, module: Any) -> None:
        own = [
            value
            for value in vars(module).values()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        ]
        super().__init__(autowrap_modules=(module,), autowrap_functions=tuple(own))

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return False

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Matrix(node, self)


class _Matrix(fx.Proxy):
    """What the cells ask of their input and states while they are recorded: a batch of rows."""

    def dim(self) -> int:
        return 2


def _dependence(graph: fx.Graph, inputs: Sequence[fx.Node]) -> dict[fx.Node, int]:
    depends: dict[fx.Node, int] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            depends[node] = _INPUT if node in inputs else _STATE
        elif node.op != "output":
            depends[node] = max((depends[n] for n in node.all_input_nodes), default=_PARAMETERS)
    return depends


def _reaches(node: fx.Node, depends: dict[fx.Node, int], level: int) -> bool:
    """Whether something beyond `level`, or the cell's result, takes this value."""
    return any(depends.get(user, _STATE + 1) > level for user in node.users)


def _sum_beforehand(graph: fx.Graph, depends: dict[fx.Node, int], level: int) -> None:
    """Write each sum of `level` as what is known beforehand plus the rest, products last."""
    for node in list(graph.nodes):
        if not _is_sum(node, depends, level) or _is_part_of_sum(node, depends, level):
            continue
        terms = list(_terms(node, depends, level, top=True))
        before = sorted((t for t in terms if depends[t] < level), key=lambda t: depends[t])
        own = sorted((t for t in terms if depends[t] == level), key=_is_product)
        if not before:
            continue
        with graph.inserting_before(node):
            total = before[0]
            for term in before[1:]:
                total = _added(graph, depends, total, term)
            for term in own:
                total = _added(graph, depends, total, term)
        node.replace_all_uses_with(total)


def _added(graph: fx.Graph, depends: dict[fx.Node, int], total: fx.Node, term: fx.Node) -> fx.Node:
    taken = [user for user in term.users if user.users or user.op == "output"]
    if _is_product(term) and len(taken) <= 1:
        made = graph.call_function(torch.addmm, (total, *term.args))
    else:
        made = graph.call_function(operator.add, (total, term))
    depends[made] = max(depends[total], depends[term])
    return made


def _is_product(node: fx.Node) -> bool:
    return node.op == "call_function" and node.target is operator.matmul


def _is_sum(node: fx.Node, depends: dict[fx.Node, int], level: int) -> bool:
    return (
        depends.get(node) == level
        and node.op == "call_function"
        and node.target is operator.add
        and all(isinstance(argument, fx.Node) for argument in node.args)
    )


def _is_part_of_sum(node: fx.Node, depends: dict[fx.Node, int], level: int) -> bool:
    return len(node.users) == 1 and _is_sum(next(iter(node.users)), depends, level)


def _terms(
    node: fx.Node, depends: dict[fx.Node, int], level: int, top: bool = False
) -> Iterator[fx.Node]:
    if _is_sum(node, depends, level) and (top or len(node.users) == 1):
        for argument in node.args:
            assert isinstance(argument, fx.Node)
            yield from _terms(argument, depends, level)
    else:
        yield node


def _met_by(state: fx.Node) -> frozenset[str] | None:
    """Return the parameters that a state is multiplied by, None if anything else is done to it."""
    names = set()
    for user in state.users:
        if user.op == "output":
            return None
        right = user.args[-1]
        is_product = _is_product(user) or user.target is torch.addmm
        if not is_product or user.args[-2] is not state or not isinstance(right, fx.Node):
            return None
        while right.op != "get_attr":  # a transposed part of a parameter
            (right,) = right.all_input_nodes
        # A part of the same parameter may be multiplied by something else.
        if any(_is_product(u) for u in _later(right) if u.args[-2] is not state):
            return None
        if any(u.target is torch.addmm and u.args[-2] is not state for u in _later(right)):
            return None
        names.add(str(right.target).removeprefix("cell."))
    return frozenset(names)


def _later(parameter: fx.Node) -> Iterator[fx.Node]:
    """Yield the products in which a parameter's transposed parts are the second factor."""
    for user in parameter.users:
        if _is_product(user) or user.target is torch.addmm:
            yield user
        elif user.target in ("t", "chunk", operator.getitem):
            yield from _later(user)


def _function(
    arguments: Sequence[fx.Node], results: Any, depends: dict[fx.Node, int], level: int
) -> Callable[..., Any]:
    """Return a function of `arguments` that does all of one level and returns `results`."""
    graph, copies = fx.Graph(), {}
    for node in arguments:
        copies[node] = graph.placeholder(f"a_{node.name}")
    for node in depends_in_order(results, depends):
        if node not in copies and depends[node] == level:
            copies[node] = graph.node_copy(node, lambda n: copies[n])
    graph.output(tuple(copies[node] for node in results))
    graph.eliminate_dead_code()
    made: Callable[..., Any] = fx.GraphModule(nn.Module(), graph).forward
    return made


def depends_in_order(results: Sequence[fx.Node], depends: dict[fx.Node, int]) -> list[fx.Node]:
    """Return the nodes that the results need, each after those that it needs."""
    if not results:
        return []
    needed, waiting = set(), list(results)
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting += node.all_input_nodes
    return [node for node in results[0].graph.nodes if node in needed and node in depends]
