"""`hook:LOW,HIGH`: every element on its own, asymmetric, at each backward."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from rnnswap import policy_text
from rnnswap.clip._clamp import clamp_, clamp_measured_, look
from rnnswap.clip._gradients import refuse_complex, refuse_sparse, total_of
from rnnswap.clip._policy import ClipPolicy, ClipResult, Removable, bounds

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence


@dataclass(frozen=True)
class HookClip(ClipPolicy):
    """Clamp every element to [low, high] in a tensor hook on each parameter.

    A hook acts where a hook acts: on the gradient of each backward, before it is added to what is
    already there and before DDP averages. So with accumulation over n backwards the sum is bounded
    by n times the bounds, and under a GradScaler the bounds meet gradients that are still
    multiplied by the loss scale. `range` bounds the same way at the step and has neither trait.
    An infinite gradient leaves a hook as a bound; a NaN stays one.

    A parameter first seen at a step (its optimizer is older than the policy), and one that FSDP2
    has spread over processes (it fires no hooks), is clamped there, once. The norms of a result are
    those of the gradients as they passed the hooks since they were last cleared
    (`zero_grad(set_to_none=True)`) or used.

    Args:
        low: Smallest value allowed, <= 0.
        high: Largest value allowed, >= 0.

    Raises:
        ClipError: A bound is not a number, or 0 does not lie between them: every gradient would
            be shifted, those that are zero too.

    Example:
        >>> str(HookClip(-0.1, 1))
        'hook:-0.1,1.0'
    """

    __module__ = "rnnswap.clip"

    acts_at = "backward"

    low: float
    high: float
    _passages: MutableMapping[Tensor, _Passage] = field(
        default_factory=WeakTensorKeyDictionary, init=False, repr=False, compare=False
    )
    #: The identities of the parameters that a hook is on: looked for at every step.
    _hooked: set[int] = field(default_factory=set, init=False, repr=False, compare=False)
    #: Who has told whether they want to know what is done: see `measured`.
    _asking: dict[int, bool] = field(default_factory=dict, init=False, repr=False, compare=False)
    #: Returns a clamped copy of a gradient: itself the hook on every parameter where nobody
    #: measures, as one function for all is called sooner than one for each.
    _clamped: Callable[[Tensor], Tensor] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        low, high = bounds("hook", self.low, self.high)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        object.__setattr__(self, "_clamped", _clamping(low, high, str(self)))

    def watch(self, parameter: Tensor) -> Removable:
        """Register the hook on `parameter`; one acts however often it is watched."""
        passage = self._passages.get(parameter)
        if passage is None:
            passage = self._passages[parameter] = _Passage(self, parameter, self._hooked)
        return _Watch(passage)

    def clip_(self, parameters: Sequence[Tensor]) -> ClipResult:
        """Say what the hooks did; clamp what passed no hook because it was not yet watched."""
        norms: dict[int, Tensor] = {}
        after, counts = [], []
        if missed := self._missed(parameters):
            late = [parameters[n] for n in missed]
            done = clamp_measured_(late, self.low, self.high, str(self))
            assert done.norms is not None
            norms.update(zip(missed, done.norms.unbind(), strict=True))
            after.append(done.norm_after)
            counts.append(done.share * float(sum(p.numel() for p in late)))
        for n, parameter in enumerate(parameters):
            if n not in norms:
                tally = self._tallied(parameter)
                norms[n] = tally.before
                after.append(tally.after)
                counts.append(tally.changed)
        before, left, count = (
            torch.stack([t.to(norms[0].device) for t in column])
            for column in ([norms[n] for n in range(len(parameters))], after, counts)
        )
        share = count.float().sum() / max(1, sum(p.numel() for p in parameters))
        return ClipResult(total_of(before), total_of(left), share, before)

    def bound_(self, parameters: Sequence[Tensor]) -> Tensor:
        """Clamp what passed no hook; say nothing of what did."""
        if self._hooked.issuperset(map(id, parameters)):
            return look(parameters, str(self))
        missed = set(self._missed(parameters))
        late = [p for n, p in enumerate(parameters) if n in missed]
        evidence = clamp_(late, self.low, self.high, str(self)).max()
        passed = [p for n, p in enumerate(parameters) if n not in missed]
        return torch.maximum(evidence, look(passed, str(self)).max()) if passed else evidence

    def measured(self, asker: object, *, wanted: bool) -> None:
        """Measure in the hooks only while somebody wants to know."""
        self._asking[id(asker)] = wanted
        wanted = any(self._asking.values())
        for passage in self._passages.values():
            passage.measure(wanted=wanted)

    @property
    def measures(self) -> bool:
        """Whether the hooks measure what they do."""
        return not self._asking or any(self._asking.values())

    def __str__(self) -> str:
        low, high = (policy_text.format_number(n) for n in (self.low, self.high))
        return f"hook:{low},{high}"

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy bounds nothing yet: hooks belong to the tensors they were registered on.
        return HookClip, (self.low, self.high)

    def _missed(self, parameters: Sequence[Tensor]) -> list[int]:
        """Return the positions of parameters that no hook is on."""
        hooked = self._hooked
        return [n for n, identity in enumerate(map(id, parameters)) if identity not in hooked]

    def _tallied(self, parameter: Tensor) -> _Tally:
        assert parameter.grad is not None
        return self._passages[parameter].used() or _tally(parameter.grad, parameter.grad)


@dataclass(frozen=True, slots=True)
class _Tally:
    """2-norms around a clamp and the count of changed elements: 0-d tensors."""

    before: Tensor
    after: Tensor
    changed: Tensor

    def __add__(self, other: _Tally) -> _Tally:
        return _Tally(
            torch.hypot(self.before, other.before),
            torch.hypot(self.after, other.after),
            torch.maximum(self.changed, other.changed),
        )


class _Passage:
    """The hook on one parameter and what passed it since the gradient was cleared or used."""

    def __init__(self, policy: HookClip, parameter: Tensor, hooked: set[int]) -> None:
        self._policy = policy
        self._hooked, identity = hooked, id(parameter)
        # Another one may get the identity of a parameter that has gone.
        self._parameter = weakref.ref(parameter, lambda _: hooked.discard(identity))
        self.measures = policy.measures
        self._tally: _Tally | None = None
        self._used = False
        self.watches = 0
        self._hook: Any = None

    def watch(self) -> None:
        parameter = self._parameter()
        # FSDP2 sets the gradients of what it has spread without running their hooks.
        if self.watches == 0 and parameter is not None and not hasattr(parameter, "device_mesh"):
            self._hook = parameter.register_hook(self._hooks())  # type: ignore[no-untyped-call]
            self._hooked.add(id(parameter))
        self.watches += 1

    def unwatch(self) -> None:
        self.watches -= 1
        if self.watches == 0 and self._hook is not None:
            self._hook.remove()
            self._hook = self._tally = None
            if (parameter := self._parameter()) is not None:
                self._hooked.discard(id(parameter))

    def measure(self, *, wanted: bool) -> None:
        """Measure what passes from now on, or no longer."""
        self.measures = wanted
        if not wanted:
            self._tally = None
        # In its place, so that hooks of others stay before and behind it.
        hooks = None if self._hook is None else self._hook.hooks_dict_ref()
        if hooks is not None and self._hook.id in hooks:
            hooks[self._hook.id] = self._hooks()

    def used(self) -> _Tally | None:
        """Return what passed, None if nothing did; the next backward starts anew."""
        self._used = True
        return self._tally

    def _hooks(self) -> Callable[[Tensor], Tensor]:
        """Return what each gradient passes: a function of its own, or the one of all."""
        return self._pass if self.measures else self._policy._clamped

    def _pass(self, gradient: Tensor) -> Tensor:
        clamped = self._policy._clamped(gradient)
        with torch.no_grad():
            tally = _tally(gradient, clamped)
            earlier = self._still_there()
            self._tally = tally if earlier is None else earlier + tally
        self._used = False
        return clamped

    def _still_there(self) -> _Tally | None:
        """Return what passed earlier and is still in the gradient that the next one is added to."""
        parameter = self._parameter()
        cleared = parameter is None or parameter.grad is None
        return None if self._used or cleared else self._tally


class _Watch:
    """One watcher of a passage; the hook goes with the last."""

    def __init__(self, passage: _Passage) -> None:
        self._passage: _Passage | None = passage
        passage.watch()

    def remove(self) -> None:
        if self._passage is not None:
            self._passage.unwatch()
            self._passage = None


def _clamping(low: float, high: float, policy: str) -> Callable[[Tensor], Tensor]:
    def clamped(gradient: Tensor) -> Tensor:
        try:
            return gradient.clamp(low, high)
        except NotImplementedError:
            refuse_sparse(policy, [gradient])
            refuse_complex(policy, [gradient])
            raise

    return clamped


def _tally(before: Tensor, after: Tensor) -> _Tally:
    changed = (before != after) & ~before.isnan()
    norm = torch.linalg.vector_norm
    return _Tally(norm(before), norm(after), changed.sum())
