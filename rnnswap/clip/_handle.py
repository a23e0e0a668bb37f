"""A policy at work in the steps of one optimizer or of all."""

from __future__ import annotations

import sys
import warnings
import weakref
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.weak import WeakTensorKeyDictionary

from rnnswap.clip import _foreign, _names
from rnnswap.clip._by_name import ByNameClip
from rnnswap.clip._checkpoint import keep_in_state_dict
from rnnswap.clip._gradients import Gradients, gradients
from rnnswap.clip._living import living
from rnnswap.clip._nonfinite import NonFinite
from rnnswap.clip._policy import ClipPolicy, ClipResult, Removable
from rnnswap.clip._steps import parameters_of, place_outside
from rnnswap.errors import ClipError

if TYPE_CHECKING:
    from rnnswap.clip._nonfinite import OnNonFinite

#: Called after each clipping with the optimizer and the result.
Callback: TypeAlias = Callable[[Optimizer, ClipResult], object]
_WHEN = {"step": "the step", "backward": "each backward"}


@dataclass(slots=True)
class _Met:
    """What a handle knows of an optimizer: the policy with its statistics, and how many steps."""

    policy: ClipPolicy
    steps: int = 0
    #: How often its closures were called in one step, at most.
    evaluations: int = 0
    #: The parameters that were seen to it that they are watched, by identity.
    watched: set[int] = field(default_factory=set)


class ClipHandle:
    """A policy at work. `detach()` ends it; so does leaving it as a context manager.

    Attributes:
        policy: The policy.
        script_clips: Where the script clips gradients itself, None as long as it has not: both act.
    """

    def __init__(
        self,
        policy: ClipPolicy,
        callback: Callback | None = None,
        *,
        on_nonfinite: OnNonFinite = "warn",
        measure: bool | None = None,
        owns: Sequence[Optimizer] | None = None,
    ) -> None:
        self.policy = policy
        self.script_clips: str | None = None
        self._callback = callback
        self._measure = True if callback is not None and measure is None else measure
        self._nonfinite = NonFinite(on_nonfinite)
        self.skips = on_nonfinite == "skip"
        self._last: ClipResult | _Unmeasured | None = None
        self._owns = None if owns is None else [weakref.ref(o) for o in owns]
        self._met: MutableMapping[Optimizer, _Met] = weakref.WeakKeyDictionary()
        self._undo: list[Callable[[], object]] = []
        self._watched: MutableMapping[Tensor, Removable] = WeakTensorKeyDictionary()
        self._tell_policy(wanted=self._measures)
        if isinstance(policy, ByNameClip):
            self.undo_with(living.follow(self))
        if policy.acts_at != "never":
            self.undo_with(_foreign.listen(self._script_clipped))

    @property
    def last(self) -> ClipResult | None:
        """What the policy did last; None before the first clipping.

        Measuring what was done can cost more than doing it, so that it ends after the first step
        if nobody reads this, and starts again when somebody does (see `attach`, `measure`).

        Raises:
            ClipError: The last step was not measured; the next one will be.
        """
        if self._measure is None:
            self._measure = True
            self._tell_policy(wanted=True)
        if isinstance(self._last, _Unmeasured):
            raise ClipError(
                f"what {self.policy} did at the last step was not measured, because nobody had "
                "read it before; the next steps are, or all with attach(..., measure=True)"
            )
        return self._last

    @property
    def nonfinite(self) -> int:
        """Steps so far whose gradients were infinite or NaN; may wait for the device."""
        return self._nonfinite.count

    @property
    def nonfinite_names(self) -> list[str]:
        """The offending parameters of the first step whose gradients were not finite."""
        return list(self._nonfinite.names)

    def detach(self) -> None:
        """Stop clipping and remove every hook; a second call does nothing."""
        for watch in [*self._watched.values()]:
            watch.remove()
        self._watched.clear()
        while self._undo:
            self._undo.pop()()
        self._nonfinite.flush()

    def __enter__(self) -> ClipHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.detach()

    def __reduce__(self) -> Any:
        raise TypeError(
            f"a ClipHandle acts on its own optimizer and cannot be copied or pickled; attach "
            f"{self.policy} to the copy of the optimizer"
        )

    def __repr__(self) -> str:
        return f"<ClipHandle {self.policy}>"

    def undo_with(self, undo: Callable[[], object]) -> None:
        """Call `undo` when detached."""
        self._undo.append(undo)

    def meet(self, optimizer: Optimizer) -> None:
        """Watch the parameters of `optimizer`, and keep statistics for it in its state_dict."""
        self.known(optimizer)
        self.watch(parameters_of(optimizer))

    def watch(self, parameters: Iterable[Tensor]) -> None:
        """Let a policy that acts at each backward act on `parameters`, each once."""
        if self.policy.acts_at != "backward":
            return
        for parameter in parameters:
            if parameter.requires_grad and parameter not in self._watched:
                self._watched[parameter] = self.policy.watch(parameter)

    def check_arguments(self, optimizer: Optimizer, kwargs: dict[str, Any]) -> None:
        """Raise ClipError if a step that is given these arguments cannot be clipped."""
        if "grad_scaler" in kwargs and self.policy.acts_at != "never":
            raise ClipError(
                f"clipping policy {self.policy} cannot act on {type(optimizer).__name__}, whose "
                "step takes the GradScaler and unscales by itself; call "
                "scaler.unscale_(optimizer) and optimizer.step() without it"
            )

    def watch_new(self, optimizer: Optimizer) -> None:
        """Watch the parameters that were not there, or were frozen, at the step before."""
        if self.policy.acts_at != "backward":
            return
        parameters, watched = parameters_of(optimizer), self.known(optimizer).watched
        if watched.issuperset(map(id, parameters)):
            return
        new = [p for p in parameters if p.requires_grad and id(p) not in watched]
        self.watch(new)
        watched.update(map(id, new))

    def act(self, optimizer: Optimizer, parameters: Sequence[Tensor]) -> bool:
        """Clip what is there before a step of `optimizer`; whether it is to be left out.

        Args:
            optimizer: Whose step it is.
            parameters: Those with a gradient: its own, or those of others as well.
        """
        if not parameters:
            return False
        met = self.known(optimizer)
        met.steps += 1
        measures = self._measures
        with torch.no_grad():
            scale = self._unscaled(optimizer, parameters)
            done = (met.policy.clip_ if measures else met.policy.bound_)(parameters)
            result = done if isinstance(done, ClipResult) else None
            evidence = done if not isinstance(done, ClipResult) else _evidence(done)
            skips = self._nonfinite.is_to_skip(evidence, parameters, optimizer, met.steps)
        if result is not None and scale is not None:
            result = result.divided(scale)
        self._last = _Unmeasured() if result is None else result
        if self._measure is None and measures:
            self._tell_policy(wanted=False)
        if self._callback is not None and result is not None:
            self._callback(optimizer, result)
        return skips

    def _unscaled(self, optimizer: Optimizer, parameters: Sequence[Tensor]) -> Tensor | None:
        """Divide by the scale that a fused step would divide by; return it if that is not done."""
        scale: Tensor | None = getattr(optimizer, "grad_scale", None)
        if scale is None or self.policy.acts_at == "never":
            return scale
        inverse = scale.double().reciprocal().float()
        Gradients(gradients(parameters), str(self.policy)).scale_(inverse)
        optimizer.grad_scale = torch.ones_like(scale)  # type: ignore[attr-defined]
        return None

    @property
    def _measures(self) -> bool:
        return self._last is None if self._measure is None else self._measure

    def _tell_policy(self, *, wanted: bool) -> None:
        self.policy.measured(self, wanted=wanted)

    def known(self, optimizer: Optimizer) -> _Met:
        met = self._met.get(optimizer)
        if met is None:
            refuse_flat(self.policy, parameters_of(optimizer))
            # Statistics are each optimizer's own, unless the policy was given this one alone.
            met = _Met(self.policy.fresh() if self._owns is None else self.policy)
            if not self._met and self._owns is None and isinstance(self.policy, ByNameClip):
                _warn_of_unmatched(self.policy)
            self._met[optimizer] = met
            self.undo_with(keep_in_state_dict(met.policy, optimizer))
        return met

    def _script_clipped(
        self, clipped: Sequence[Tensor], function: str, file: str, line: int
    ) -> None:
        if self.script_clips is not None:
            return
        if self._owns is not None:
            owners = [o for reference in self._owns if (o := reference()) is not None]
            own = {id(p.grad) for owner in owners for p in parameters_of(owner)}
            if not any(id(grad) in own for grad in clipped):
                return
        self.script_clips = f"torch's {function} at {file}:{line}"
        warnings.warn_explicit(
            f"the script clips gradients itself, by {self.script_clips}; {self.policy} "
            f"of rnnswap acts on them as well, at {_WHEN[self.policy.acts_at]}",
            UserWarning,
            file,
            line,
        )


class _Unmeasured:
    """Stands for what was done when nobody had asked."""


def refuse_flat(policy: ClipPolicy, parameters: Iterable[Tensor]) -> None:
    """Raise ClipError if the parameters are FSDP1's, which are pieces of others."""
    if policy.acts_at != "never" and any(hasattr(p, "_fsdp_flattened") for p in parameters):
        raise ClipError(
            f"clipping policy {policy} cannot act under FullyShardedDataParallel (FSDP1), whose "
            "parameters are pieces without shape: the norm of one process is not the model's; "
            "use fully_shard (FSDP2), or the module's own clip_grad_norm_"
        )


def _warn_of_unmatched(policy: ByNameClip) -> None:
    """Warn if a rule matches nothing that is there, though its module may still be made."""
    try:
        policy.check_names(_names.all_names())
    except ClipError as error:
        warnings.warn_explicit(str(error), UserWarning, *place_outside(sys._getframe()))


def _evidence(result: ClipResult) -> Tensor:
    return result.norm_before if result.norms is None else result.norms
