"""Pieces that every recurrence shares: projection, step order, masks, recorded backward."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad

from rnnswap._tracing import is_transformed
from rnnswap.errors import UnsupportedError
from rnnswap.ops._inductor import loops_are_right


def packed_too(run: Callable[..., Any]) -> Callable[..., Any]:
    """Let a scan over padded input take packed input (N, features) as well, and return it so.

    Packed input is a PackedSequence's data: step after step the rows that there are. The last three
    arguments are the scan's constants, `lengths` the first of them, the longest first.
    """

    @functools.wraps(run)
    def runs_both(x: Tensor, *others: Any, **options: Any) -> Any:
        if x.dim() == 3:
            return run(x, *others, **options)
        lengths = others[-3]
        output, *last = run(pad_rows(x, lengths), *others, **options)
        return (pack_rows(output, lengths), *last)

    return runs_both


def pad_rows(data: Tensor, lengths: Tensor) -> Tensor:
    """Return the data (N, ...) of a PackedSequence as (T, B, ...), zero past a row's length.

    Args:
        data: Step after step the rows that there are.
        lengths: (B,) int64, the longest first.
    """
    # pad_packed_sequence and its like know neither torch.func's transforms nor forward mode.
    steps, batch = int(lengths[0]), len(lengths)
    padded = data.new_zeros((steps * batch, *data.shape[1:]))
    padded = padded.index_copy(0, _running_rows(lengths, data.device), data)
    return padded.view(steps, batch, *data.shape[1:])


def pack_rows(padded: Tensor, lengths: Tensor) -> Tensor:
    """Return the rows of (T, B, ...) that there are (N, ...), as `pad_rows` is given them."""
    return padded.flatten(0, 1).index_select(0, _running_rows(lengths, padded.device))


def _running_rows(lengths: Tensor, device: torch.device) -> Tensor:
    """Return the numbers (N,) of the rows of (T * B, ...) that lie within the lengths."""
    steps = torch.arange(int(lengths[0]), device=lengths.device)
    return (lengths > steps.unsqueeze(1)).flatten().nonzero().squeeze(1).to(device)


def project(x: Tensor, w_ih: Tensor, b_ih: Tensor | None, b_hh: Tensor | None) -> Tensor:
    """Return the input's part of the gates for all steps, as one matrix product.

    Args:
        x: (T, B, I).
        w_ih: (G, I), G rows for all gates.
        b_ih: (G,) or None.
        b_hh: (G,) or None; it is added here, too, since no recurrence here treats it apart.

    Returns:
        (T, B, G).
    """
    bias = b_ih if b_hh is None else b_hh if b_ih is None else b_ih + b_hh
    return F.linear(x, w_ih, bias)


def project_backward(
    d_gates: Tensor, x: Tensor, w_ih: Tensor, needs: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the gradients of x (T, B, I), w_ih (G, I) and either bias (G,), where needed.

    Packed rows (N, I) do as well.
    """
    flat = d_gates.flatten(0, -2)  # (T * B, G)
    d_x = (flat @ w_ih).view(x.shape) if needs[0] else None
    d_w = flat.t() @ x.flatten(0, -2) if needs[1] else None
    d_b = flat.sum(0) if needs[2] else None
    return d_x, d_w, d_b


def bias_gradients(
    d_b: Tensor | None, of_ih: bool, of_hh: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradient of both biases, a tensor for each: one may be written to in place."""
    if of_ih and of_hh and d_b is not None:
        return d_b, d_b.clone()
    return (d_b if of_ih else None), (d_b if of_hh else None)


def given_or_zeros(state: Tensor | None, x: Tensor, width: int) -> Tensor:
    """Return the initial state (B, width) of input x (T, B, ...), zeros where None is given."""
    return x.new_zeros((x.size(1), width)) if state is None else state


def keep_in_graph(result: Tensor, unused: Tensor) -> Tensor:
    """Return `result`, with `unused` in its graph at a gradient of zero.

    A learned initial state that a cell does not read must not become an unused parameter, which
    DistributedDataParallel refuses.
    """
    # torch.jit.trace traces once more without gradients, and both must be the same.
    if not (unused.requires_grad or torch._C._get_tracing_state() is not None):
        return result
    never = torch.zeros((), dtype=torch.bool, device=result.device)
    return torch.where(never, unused.sum(), result)


def step_order(steps: int, reverse: bool) -> range:
    """Return the time indices in the order in which the recurrence visits them."""
    return range(steps - 1, -1, -1) if reverse else range(steps)


def active_steps(lengths: Tensor | None, steps: int, device: torch.device) -> Tensor | None:
    """Return a mask (T, B, 1), True where a sequence still runs; None without lengths."""
    if lengths is None:
        return None
    index = torch.arange(steps, device=device).unsqueeze(1)
    return (index < lengths.to(device)).unsqueeze(-1)


#: An index of (T, B, ...): of a step, or of each row's own.
Ends = int | tuple[Tensor, Tensor]


def row_ends(
    lengths: Tensor | None, steps: int, reverse: bool, device: torch.device
) -> tuple[Ends, Ends]:
    """Return the index of the step at which rows begin, and of the one at which they end."""
    end: Ends = steps - 1
    if lengths is not None:
        end = lengths.to(device) - 1, torch.arange(len(lengths), device=device)
    return (end, 0) if reverse else (0, end)


def neighbours(reverse: bool) -> tuple[tuple[slice, slice], int]:
    """Return slices of all steps but the first and of those before them, and the first's index."""
    but_first, but_last = slice(1, None), slice(-1)
    return ((but_last, but_first), -1) if reverse else ((but_first, but_last), 0)


def weight_gradient(d_gates: Tensor, hidden: Tensor, h0: Tensor, reverse: bool) -> Tensor:
    """Return the sum over steps of d_gates^T h' (G, H), without a shifted copy of the states."""
    (now, before), first = neighbours(reverse)
    later, earlier = d_gates[now].flatten(0, 1), hidden[before].flatten(0, 1)
    return torch.addmm(d_gates[first].t() @ h0, later.t(), earlier)


def is_recorded(grads: tuple[Tensor | None, ...]) -> bool:
    """Return whether a backward is itself differentiated, or gets batches of gradients (vmap)."""
    batched = torch._C._functorch
    return (
        torch.is_grad_enabled()
        or forward_ad._current_level >= 0
        or any(
            g is not None and (batched.is_legacy_batchedtensor(g) or batched.is_batchedtensor(g))
            for g in grads
        )
    )


def plain_gradient(grad: Tensor) -> Tensor:
    """Return a gradient as the loops read it: dense, and negated where reading would negate."""
    if grad.is_neg() or grad.layout != torch.strided:
        return grad.to_dense().resolve_neg()
    return grad


def recorded_backward(
    naive: Callable[..., Any],
    inputs: Iterable[Tensor | None],
    constants: tuple[Any, ...],
    grads: tuple[Tensor | None, ...],
    needs: Iterable[bool],
) -> list[Tensor | None]:
    """Return the gradients of `naive(*inputs, *constants)` as part of the graph.

    Results of which `grads` has None do not count. A hand-written backward is opaque to autograd;
    when it is itself recorded (create_graph), the naive form gives the same numbers with a graph
    behind them.
    """
    with torch.enable_grad():
        # Views, so that one tensor handed in twice gets each argument's own share.
        own = [None if t is None else t.view_as(t) for t in inputs]
        results = zip(naive(*own, *constants), grads, strict=True)
        outputs, given = zip(*((r, g) for r, g in results if g is not None), strict=True)
        wanted = [t for t, need in zip(own, needs, strict=True) if need and t is not None]
        found = iter(
            torch.autograd.grad(outputs, wanted, given, create_graph=True, allow_unused=True)
        )
    return [
        next(found) if need and t is not None else None for t, need in zip(own, needs, strict=True)
    ]


#: Takes one step of gates (B, G) and the state, returns the new state; its first is the output, or
#: the output and the new state.
Step = Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]]
#: `loop_steps` or `scan_steps`.
StepRunner = Callable[
    [Step, Tensor, tuple[Tensor, ...], Tensor | None, bool], tuple[Tensor, tuple[Tensor, ...]]
]


def run_any(
    step: Step,
    gates: Tensor,
    state: tuple[Tensor, ...],
    lengths: Tensor | None,
    reverse: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """As `loop_steps`, or while compiling, where its graph would grow with T, as `scan_steps`."""
    if _is_scan_right():
        return scan_steps(step, gates, state, lengths, reverse)
    if torch._C._get_tracing_state() is not None and torch.onnx.is_in_onnx_export():
        raise UnsupportedError(
            f"torch.onnx.export with dynamo=False would write {len(gates)} steps out, and its file "
            "would serve no other number of them: export with dynamo=True, and padded input"
        )
    return loop_steps(step, gates, state, lengths, reverse)


def _is_scan_right() -> bool:
    """Return whether a graph is made in which torch's scan operator is possible and right."""
    if torch.compiler.is_exporting():
        return True
    # Under torch.func's transforms the operator raises.
    return torch.compiler.is_compiling() and loops_are_right() and not is_transformed()


def loop_steps(
    step: Step,
    gates: Tensor,
    state: tuple[Tensor, ...],
    lengths: Tensor | None,
    reverse: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run `step` over gates (T, B, G) in a Python loop.

    Args:
        step: The recurrence.
        gates: The projected input.
        state: Tensors (B, ...).
        lengths: (B,) int64, or None: all rows are T long. A row past its length keeps its state
            and gives zeros.
        reverse: From the last step to the first.

    Returns:
        output (T, B, ...) and the final state.
    """
    # All views at once: the backward of one index at a time fills a (T, B, G) of zeros for each.
    rows = gates.unbind(0)
    outputs = []
    if lengths is None:
        for now in reversed(rows) if reverse else rows:
            new = step(now, state)
            outputs.append(new[0])
            state = new[-len(state) :]
    else:
        active = active_steps(lengths, len(rows), gates.device)
        assert active is not None
        for t in step_order(len(rows), reverse):
            new = step(rows[t], state)
            outputs.append(torch.where(active[t], new[0], 0.0))
            kept = zip(new[-len(state) :], state, strict=True)
            state = tuple(torch.where(active[t], n, s) for n, s in kept)
    return torch.stack(outputs[::-1] if reverse else outputs), state


def scan_steps(
    step: Step,
    gates: Tensor,
    state: tuple[Tensor, ...],
    lengths: Tensor | None,
    reverse: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """As `loop_steps`, by torch's scan operator: the graph does not grow with T."""
    # Private in torch as yet; imported here so that eager code does not depend on it.
    from torch._higher_order_ops.scan import scan

    active = active_steps(lengths, gates.size(0), gates.device)

    def combine(held: Any, now: Any) -> Any:
        new = step(now[0], held)
        output, new = new[0], new[-len(held) :]
        if active is not None:
            output = torch.where(now[1], output, 0.0)
            new = tuple(torch.where(now[1], n, s) for n, s in zip(new, held, strict=True))
        # Copies: the operator takes no result twice.
        return tuple(n.clone() for n in new), output.clone()

    steps = (gates,) if active is None else (gates, active)
    final, output = scan(combine, tuple(s.clone() for s in state), steps, reverse=reverse)
    return output, tuple(final)
