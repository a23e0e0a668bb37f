"""How tests run a recurrence: one implementation, results and gradients, in any precision."""

import torch
import triton_here
from cases import SCANS


def implementation(scan, name):
    """The function, what makes its arguments, and that function's settings."""
    operation, arguments, settings = SCANS[scan]
    run = next(i.run for i in operation.implementations if i.name == name)
    return (triton_here.there_and_back(run) if name == "gpu" else run), arguments, settings


def on_the_cpu(operation):
    """The implementations that take tensors of the CPU, all but Triton's kernels."""
    return [i for i in operation.implementations if i.name != "gpu"]


def results_and_gradients(run, args):
    """All outputs and the gradients of all leaves, of a loss that weighs every number apart."""
    outputs = run(*args)
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(o.shape, dtype=torch.float64, generator=generator) for o in outputs]
    total = sum((o.double() * w).sum() for o, w in zip(outputs, weights, strict=True))
    leaves = [a for a in args if isinstance(a, torch.Tensor) and a.requires_grad]
    return [*outputs, *torch.autograd.grad(total, leaves)]


def in_double(args):
    """The same numbers in float64."""
    return tuple(
        a.detach().double().requires_grad_()
        if isinstance(a, torch.Tensor) and a.is_floating_point()
        else a
        for a in args
    )
