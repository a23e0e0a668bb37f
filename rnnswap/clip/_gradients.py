"""Gradients in groups that torch works on at once: their norms, and what scales them.

Nothing here waits for a device. A gradient that FSDP2 or tensor parallelism has spread over
processes (a DTensor) is worked on in its local part; its norm is that of the whole.
"""

from __future__ import annotations

import functools
import math
import operator
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnnswap.errors import ClipError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Added to a norm that is divided by, as torch's clip_grad_norm_ does.
EPSILON = 1e-6
_LAYOUT = operator.attrgetter("layout")
_HALF = (torch.float16, torch.bfloat16)


def gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    """Return the gradients that are there."""
    return [grad for p in parameters if (grad := p.grad) is not None]


class Gradients:
    """Gradients of one optimizer, grouped by device and type.

    Args:
        whole: The gradients, at least one.
        policy: The policy's text, for messages.

    Raises:
        ClipError: A gradient is sparse.
    """

    def __init__(self, whole: list[Tensor], policy: str) -> None:
        #: As they are on the parameters.
        self.whole = whole
        self.policy = policy
        # By sets of what is met: hundreds of gradients are looked at in every step.
        plain = set(map(type, whole)) == {Tensor}
        self._spread = [] if plain else [n for n, g in enumerate(whole) if _is_spread(g)]
        #: What of them this process holds; writing to it is writing to the gradient.
        self.local = [_local(g) for g in self.whole] if self._spread else self.whole
        if set(map(_LAYOUT, self.local)) != {torch.strided}:
            refuse_sparse(policy, self.local)

    @functools.cached_property
    def groups(self) -> list[tuple[list[Tensor], list[int]]]:
        """Lists of one device and type, each with the positions of its members among all."""
        found: Any = torch._C._group_tensors_by_device_and_dtype
        return [(group, positions) for ([group], positions) in found([self.local], True).values()]

    @property
    def _alike(self) -> bool:
        """Whether there is but one group, in the order of all."""
        return len(self.groups) == 1

    @property
    def is_spread(self) -> bool:
        """Whether a gradient is spread over processes."""
        return bool(self._spread)

    @property
    def device(self) -> torch.device:
        """The first gradient's: where results are."""
        return self.local[0].device

    def norms(self, p: float = 2.0, *, exact: bool = False) -> Tensor:
        """Return the p-norm of each gradient, (n,); spread ones are agreed on by all processes.

        Args:
            p: Order of the norm, > 0.
            exact: Add up half precision in float32; else as torch's clip_grad_norm_ does.
        """
        norms: list[Any] = [None] * len(self.local)
        for group, positions in self.groups:
            kept = torch.float32 if exact and group[0].dtype in _HALF else None
            found = _foreach_norm(group, p, kept)
            if self._alike:
                return self.agreed(torch.stack(list(found)), p)
            for position, norm in zip(positions, found, strict=True):
                norms[position] = norm.to(self.device)
        return self.agreed(torch.stack(norms), p)

    def scale_(self, factor: Tensor) -> None:
        """Multiply all in place by `factor`, 0-d."""
        for group, _ in self.groups:
            torch._foreach_mul_(group, factor.to(group[0].device))

    def scale_each_(self, factors: Tensor) -> None:
        """Multiply each in place by its own of the factors, (n,)."""
        each = factors.unbind()
        for group, positions in self.groups:
            device = group[0].device
            own = list(each) if self._alike else [each[n].to(device) for n in positions]
            torch._foreach_mul_(group, own)

    def share_of(self, changed: Tensor) -> Tensor:
        """Return the share of all elements that the gradients have where `changed`, (n,), is."""
        sizes = [g.numel() for g in self.whole]
        # Scalars travel with the call; a tensor of them would be waited for.
        counts = torch._foreach_mul([*changed.float().unbind()], [float(s) for s in sizes])
        share: Tensor = torch.stack(counts).sum() / max(1, sum(sizes))
        return share

    def agreed(self, norms: Tensor, p: float) -> Tensor:
        """Return the p-norms of the whole gradients from those of their local parts, (n,)."""
        if not self._spread:
            return norms
        import torch.distributed as dist

        together = defaultdict(list)
        for n in self._spread:
            grad: Any = self.whole[n]
            together[grad.device_mesh, grad.placements].append(n)
        # Double: what is raised to the p-th power must not overflow.
        each = [*norms.double().unbind()]
        for (mesh, placements), positions in together.items():
            part = torch.stack([each[n] for n in positions])
            part = part if math.isinf(p) else part.pow(p)
            for dimension, placement in enumerate(placements):
                if not placement.is_replicate():
                    how = dist.ReduceOp.MAX if math.isinf(p) else dist.ReduceOp.SUM
                    dist.all_reduce(part, how, mesh.get_group(dimension))
            part = part if math.isinf(p) else part.pow(1 / p)
            for n, norm in zip(positions, part.unbind(), strict=True):
                each[n] = norm
        return torch.stack(each).to(torch.promote_types(norms.dtype, torch.float32))


def total_of(norms: Tensor, p: float = 2.0) -> Tensor:
    """Return the p-norm of everything whose parts have these p-norms: a 0-d tensor."""
    total: Tensor = torch.linalg.vector_norm(norms, p)
    return total


def factor_for(limit: Tensor | float, norm: Tensor) -> Tensor:
    """Return what brings `norm` under `limit`, at most 1: torch's clip_grad_norm_."""
    return torch.clamp(limit / (norm + EPSILON), max=1.0)


def unchanged(like: Tensor) -> Tensor:
    """Return the share of elements changed when none was, beside `like`."""
    return torch.zeros((), dtype=torch.float32, device=like.device)


def as_tensor(saved: Tensor | float, dtype: torch.dtype) -> Tensor:
    """Return a number that was saved, a tensor where it is: torch.as_tensor would take it away."""
    if isinstance(saved, Tensor):
        return saved
    return torch.tensor(saved, dtype=dtype, device="cpu")


def can_be_asked(tensor: Tensor) -> bool:
    """Whether to read `tensor` is to wait for no device."""
    return tensor.device.type == "cpu"


def refuse_sparse(policy: str, gradients: Iterable[Tensor]) -> None:
    """Raise ClipError if a gradient does not store all of its elements."""
    for gradient in gradients:
        if gradient.layout is not torch.strided:
            raise ClipError(
                f"clipping policy {policy} cannot bound the sparse gradient of shape "
                f"{_shape(gradient)}; make it dense, for example nn.Embedding(..., sparse=False)"
            )


def refuse_complex(policy: str, gradients: Iterable[Tensor]) -> None:
    """Raise ClipError if the elements of a gradient have no order."""
    for gradient in gradients:
        if gradient.is_complex():
            raise ClipError(
                f"clipping policy {policy} cannot bound the complex gradient of shape "
                f"{_shape(gradient)}: complex numbers have no order; use norm instead"
            )


def _foreach_norm(group: list[Tensor], p: float, dtype: torch.dtype | None) -> Sequence[Tensor]:
    if not math.isinf(p):
        return torch._foreach_norm(group, p, dtype=dtype)
    # Of nothing there is no largest; a process may hold nothing of a spread gradient.
    filled = [t if t.numel() else t.new_zeros(1) for t in group]
    return torch._foreach_norm(filled, p, dtype=dtype)


def _is_spread(tensor: Tensor) -> bool:
    return type(tensor) is not Tensor and hasattr(tensor, "device_mesh")


def _local(tensor: Any) -> Tensor:
    part: Tensor = tensor
    if _is_spread(tensor):
        if any(p.is_partial() for p in tensor.placements):
            raise ClipError(
                f"a gradient of shape {_shape(tensor)} is not yet added up over the processes "
                "(Partial placement); clip after that"
            )
        part = tensor.to_local()
    return part


def _shape(tensor: Tensor) -> str:
    return f"({', '.join(str(n) for n in tensor.shape)})"
