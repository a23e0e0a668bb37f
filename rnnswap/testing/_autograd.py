"""Checks of differentiation: gradients, higher orders, forward mode, torch.func, checkpointing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.checkpoint import checkpoint

from rnnswap.spec import SECOND_DERIVATIVES
from rnnswap.testing._checks import FULL, CheckSkippedError, check
from rnnswap.testing._compare import backward, gradient, require, require_all_same, require_same
from rnnswap.testing._report import BEYOND
from rnnswap.testing._subject import I, Setting, Subject, inputs, run, run_packed, states

#: Forward mode and reverse mode sum in another order.
_EPS = 256


@check()
def gradients(subject: Subject) -> None:
    """Input, hx and every parameter get a finite gradient, whatever result the loss reads."""
    for setting in subject.settings({}, subject.deep(proj_size=2), {"bias": False}):
        for read in range(3):
            layer = subject.build(setting)
            given = [t.requires_grad_() for t in (inputs(setting), *states(setting))]
            backward(run(layer, given[0], tuple(given[1:]))[read])
            # h_n and c_n of one layer need not see what only another layer reads.
            leaves = dict(zip(("input", "h_0", "c_0"), given, strict=True))
            leaves |= _learning(layer) if read == 0 else {}
            for name, leaf in leaves.items():
                what = f"gradient of {name} from {('output', 'h_n', 'c_n')[read]}, {setting}"
                require(leaf.grad is not None, f"expected a {what}, got none")
                finite = bool(leaf.grad.isfinite().all())  # type: ignore[union-attr]
                require(finite, f"expected a finite {what}, got others")


def _learning(layer: Any) -> dict[str, Any]:
    """Return the parameters that learn: all that have elements."""
    return {name: p for name, p in layer.named_parameters() if p.numel()}


def _small(
    subject: Subject, setting: Setting, packed: bool, train: bool = False
) -> tuple[Callable[..., Any], Any]:
    """Return a function of input, hx and all parameters, and small float64 arguments for it."""
    small = {**setting, "hidden_size": 2} | ({"proj_size": 1} if "proj_size" in setting else {})
    layer = subject.build(small).train(train)
    move_off_zero(layer)
    names = [name for name, _ in layer.named_parameters()]
    x, state = torch.randn(3, 2, I, dtype=torch.float64), states(small, 2)

    def call(x: Tensor, h0: Tensor, c0: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        given: Any = pack_padded_sequence(x, [2, 3], enforce_sorted=False) if packed else x
        result = torch.func.functional_call(
            layer, dict(zip(names, weights, strict=True)), (given, (h0, c0))
        )
        output, (h_n, c_n) = result
        return (output.data if packed else output), h_n, c_n

    given = (x, *state, *(p.detach().clone() for p in layer.parameters()))
    return call, tuple(t.requires_grad_() for t in given)


def move_off_zero(layer: torch.nn.Module) -> None:
    """Replace zeros, such as fresh biases, on which a relu has no derivative to compare with."""
    with torch.no_grad():
        for parameter in layer.parameters():
            noise = torch.rand_like(parameter) - 0.5
            parameter.copy_(torch.where(parameter == 0, noise, parameter))


def _require_gradients(subject: Subject, checked: Callable[..., Any], *settings: Setting) -> None:
    for setting in subject.settings(*settings):
        for packed in (False, True):
            call, given = _small(subject, setting, packed)
            checked(call, given, fast_mode=True)


@check()
def gradcheck(subject: Subject) -> None:
    """Gradients of input, hx and parameters equal finite differences, padded and packed."""
    settings: tuple[Setting, ...] = {}, {"proj_size": 2}, subject.deep()
    _require_gradients(subject, torch.autograd.gradcheck, *settings)


@check(needs=(SECOND_DERIVATIVES,))
def gradgradcheck(subject: Subject) -> None:
    """Second derivatives equal finite differences of the first, padded and packed."""
    _require_gradients(subject, torch.autograd.gradgradcheck, {})


@check(level=FULL, needs=(SECOND_DERIVATIVES,))
def gradgradcheck_of_every_form(subject: Subject) -> None:
    """So they do with layers, directions and projections."""
    settings: tuple[Setting, ...] = {"proj_size": 2}, {"bias": False}, subject.deep()
    _require_gradients(subject, torch.autograd.gradgradcheck, *settings)


@check(group=BEYOND, level=FULL, needs=(SECOND_DERIVATIVES,))
def gradgradcheck_on_gpu(subject: Subject) -> None:
    """Second derivatives on a CUDA device equal finite differences of the first."""
    if not torch.cuda.is_available():
        raise CheckSkippedError("no CUDA device")
    # cuDNN differentiates in training mode only, in which options may draw random numbers.
    train = not subject.options
    call, given = _small(subject, subject.deep(), packed=False, train=train)

    def on_gpu(*tensors: Tensor) -> tuple[Tensor, ...]:
        result: tuple[Tensor, ...] = call(*(t.cuda() for t in tensors))
        return result

    torch.autograd.gradgradcheck(on_gpu, given, fast_mode=True)


@check()
def func_grad(subject: Subject) -> None:
    """torch.func.grad over the parameters equals backward."""
    layer, x = subject.build(subject.deep()), inputs()
    weights = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(weights: dict[str, Tensor]) -> Tensor:
        output: Tensor = torch.func.functional_call(layer, weights, (x,))[0]
        return output.square().sum()

    found = torch.func.grad(loss)(weights)
    backward(run(layer, x)[0].square())
    for name, parameter in layer.named_parameters():
        require_same(found[name], gradient(parameter), f"gradient of {name}")


@check()
def jvp(subject: Subject) -> None:
    """torch.func.jvp in float64 agrees with reverse mode."""
    _require_jvp(subject, torch.float64)


@check(group=BEYOND)
def jvp_in_float32(subject: Subject) -> None:
    """torch.func.jvp in float32 agrees with reverse mode."""
    _require_jvp(subject, torch.float32)


def _require_jvp(subject: Subject, dtype: torch.dtype) -> None:
    """Compare <J v, w> with <v, J' w> for the derivative J of the results by all arguments."""
    setting = subject.deep()
    layer = subject.build(setting, dtype)
    names = [name for name, _ in layer.named_parameters()]

    def call(x: Tensor, h0: Tensor, c0: Tensor, *weights: Tensor) -> Any:
        held = dict(zip(names, weights, strict=True))
        output, (h_n, c_n) = torch.func.functional_call(layer, held, (x, (h0, c0)))
        return output, h_n, c_n

    parameters = (p.detach() for p in layer.parameters())
    given = (inputs(dtype=dtype), *states(setting, dtype=dtype), *parameters)
    directions = tuple(torch.randn_like(t) for t in given)
    results, moved = torch.func.jvp(call, given, directions)  # type: ignore[misc]
    require_all_same(results, run(layer, given[0], given[1:3]), "under jvp")
    weights = tuple(torch.randn_like(t) for t in results)
    pulled = torch.func.vjp(call, *given)[1](weights)
    forward = _dot(moved, weights)
    reverse = _dot(directions, pulled)
    scale = sum((a.abs() * b.abs()).sum() for a, b in zip(directions, pulled, strict=True))
    error = float((forward - reverse).abs() / scale)
    allowed = _EPS * torch.finfo(dtype).eps
    require(error <= allowed, f"jvp is {error:.2g} off vjp, at most {allowed:.2g} is right")


def _dot(left: tuple[Tensor, ...], right: tuple[Tensor, ...]) -> Tensor:
    total = torch.zeros((), dtype=torch.float64)
    for a, b in zip(left, right, strict=True):
        total = total + (a.double() * b.double()).sum()
    return total


@check(group=BEYOND)
def vmap(subject: Subject) -> None:
    """torch.func.vmap over inputs, and over an ensemble of weights, equals a loop."""
    layer, x = subject.build(subject.deep()), torch.stack([inputs(), inputs()])

    def call(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        output: Tensor = torch.func.functional_call(layer, weights, (x,))[0]
        return output

    weights = {name: p.detach() for name, p in layer.named_parameters()}
    found = torch.func.vmap(call, in_dims=(None, 0))(weights, x)
    require_same(found, torch.stack([run(layer, one)[0] for one in x]), "output of vmap over x")
    many = {name: torch.stack((w, 0.5 * w)) for name, w in weights.items()}
    found = torch.func.vmap(call, in_dims=(0, None))(many, x[0])
    truth = [call({name: w[k] for name, w in many.items()}, x[0]) for k in range(2)]
    require_same(found, torch.stack(truth), "output of vmap over weights")


@check(group=BEYOND)
def gradients_of_each_sample(subject: Subject) -> None:
    """A vmap of grad gives each sequence's own gradients."""
    layer, x = subject.build(subject.deep()), inputs(batch=3)
    weights = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(weights: dict[str, Tensor], one: Tensor) -> Tensor:
        output: Tensor = torch.func.functional_call(layer, weights, (one,))[0]
        return output.square().sum()

    found = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 1))(weights, x)
    for row in range(3):
        truth = torch.func.grad(loss)(weights, x[:, row])
        for name, grad in truth.items():
            require_same(found[name][row], grad, f"gradient of {name} by sequence {row}")


@check()
def inference_mode(subject: Subject) -> None:
    """inference_mode and no_grad give the same numbers, without a graph."""
    layer, x, state = subject.build(subject.deep()), inputs(), states(subject.deep())
    truth = run(layer, x, state)
    for mode in (torch.inference_mode, torch.no_grad):
        with mode():
            found = run(layer, x, state)
        graph = [t.requires_grad for t in found]
        require(not any(graph), f"expected no graph under {mode.__name__}, got {graph}")
        require_all_same(found, truth, f"under {mode.__name__}")


@check()
def checkpointing(subject: Subject) -> None:
    """torch.utils.checkpoint gives the same numbers and gradients, in both its forms."""
    layer, x, state = subject.build(subject.deep()), inputs(), states(subject.deep())

    def gradients(call: Callable[..., Any]) -> list[Tensor]:
        layer.zero_grad()
        given = x.clone().requires_grad_()
        output, _ = call(given, state)
        backward(output.square())
        return [gradient(t) for t in (given, *layer.parameters())]

    truth = gradients(layer)
    names = ["input", *(name for name, _ in layer.named_parameters())]
    for reentrant in (False, True):
        found = gradients(lambda *a, r=reentrant: checkpoint(layer, *a, use_reentrant=r))
        where = f"gradient with use_reentrant={reentrant}"
        require_all_same(found, truth, where, names=names)


@check()
def packed_gradients(subject: Subject) -> None:
    """Gradients through packed input are the sum of each sequence's own."""
    layer, lengths = subject.build(subject.deep()), [2, 5, 1, 5]
    x = torch.randn(4, 5, I, dtype=torch.float64, requires_grad=True)
    packed = pack_padded_sequence(x, lengths, True, enforce_sorted=False)
    learning = _learning(layer)
    leaves, names = [x, *learning.values()], ["input", *learning]
    result, h_n, c_n = run_packed(layer, packed)
    loss = result.data.square().sum() + h_n.square().sum() + c_n.square().sum()
    found = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    alone = torch.zeros((), dtype=torch.float64)
    for row, length in enumerate(lengths):
        alone = alone + sum(t.square().sum() for t in run(layer, x[row, :length]))
    truth = torch.autograd.grad(alone, leaves, allow_unused=True, materialize_grads=True)
    require_all_same(found, truth, "gradient through packed input", names=names)


@check()
def training(subject: Subject) -> None:
    """A few steps of Adam lower the loss, in training mode."""
    layer = subject.build(dtype=torch.float32).train()
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    x, target = inputs(dtype=torch.float32), torch.rand(5, 4, 6) * 0.5
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (run(layer, x)[0] - target).square().mean()
        backward(loss)
        optimizer.step()
        losses.append(float(loss))
    require(losses[-1] < losses[0], f"expected a loss below {losses[0]:.3g}, got {losses[-1]:.3g}")
