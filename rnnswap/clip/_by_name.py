"""`POLICY;PATTERN=POLICY;...`: other policies for the parameters whose names match a pattern."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import torch

from rnnswap import policy_text
from rnnswap.clip._gradients import Gradients, gradients, total_of
from rnnswap.clip._names import names_of
from rnnswap.clip._policy import ActsAt, ClipPolicy, ClipResult, Removable, check_state
from rnnswap.errors import ClipError

if TYPE_CHECKING:
    from torch import Tensor

_DEFAULT = "default"


@dataclass(frozen=True)
class ByNameClip(ClipPolicy):
    """Each parameter by the first rule whose pattern its name matches, the others by `default`.

    Each policy acts on its own parameters alone: the norm that `norm` bounds is theirs. A name is
    that of `named_parameters` in the outermost module that holds the parameter, without what DDP
    or torch.compile put before it; a pattern is a glob over the whole name.

    Args:
        default: For the parameters that no pattern matches; a policy or its text.
        rules: Maps patterns to policies or their texts, where `LOW,HIGH` alone means `range` and
            one number `value`; or pairs of them.

    Raises:
        ClipError: A pattern or policy is malformed, or there is no rule.

    Example:
        >>> str(ByNameClip("norm:1", {"rnn.weight_hh*": "-0.1,1", "head.*": "none"}))
        'norm:1.0;rnn.weight_hh*=range:-0.1,1.0;head.*=none'
    """

    __module__ = "rnnswap.clip"

    default: ClipPolicy
    rules: Sequence[tuple[str, ClipPolicy]]
    _part_of: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        from rnnswap.clip._parse import as_policy  # which imports this module

        pairs = self.rules.items() if isinstance(self.rules, Mapping) else self.rules
        if not isinstance(pairs, Iterable):
            raise ClipError(f"clipping by name: rules map patterns to policies, got {pairs!r}")
        rules = tuple((pattern, _rule_policy(pattern, policy)) for pattern, policy in pairs)
        object.__setattr__(self, "default", as_policy(self.default))
        object.__setattr__(self, "rules", rules)
        if not rules:
            raise ClipError("clipping by name: there is no rule; use the policy itself")
        if any(isinstance(part, ByNameClip) for part in self._parts):
            raise ClipError("clipping by name: a rule's policy cannot have rules of its own")
        policy_text.parse_rules(str(self))

    @property
    def bounds_total(self) -> bool:  # type: ignore[override]
        """Whether one of the policies bounds the norm of what is left to it."""
        return any(part.bounds_total for part in self._parts)

    @property
    def acts_at(self) -> ActsAt:
        """At each backward if one of the policies does; never if none acts."""
        times = {part.acts_at for part in self._parts}
        return "backward" if "backward" in times else "step" if "step" in times else "never"

    def clip_(self, parameters: Sequence[Tensor]) -> ClipResult:
        """Let each policy clip its parameters; the norms are the 2-norms of all."""
        grads = Gradients(gradients(parameters), str(self))
        before = grads.norms(exact=True)
        sizes, counts = [g.numel() for g in grads.whole], []
        for part, positions in self._assigned(parameters):
            share = part.clip_([parameters[n] for n in positions]).share
            counts.append(share.to(before.device) * float(sum(sizes[n] for n in positions)))
        share = torch.stack(counts).sum() / max(1, sum(sizes))
        after = total_of(grads.norms(exact=True))
        return ClipResult(total_of(before), after, share, before)

    def bound_(self, parameters: Sequence[Tensor]) -> Tensor:
        """Let each policy bound its parameters, without measuring."""
        evidence: list[Any] = [None] * len(parameters)
        for part, positions in self._assigned(parameters):
            found = part.bound_([parameters[n] for n in positions])
            if isinstance(found, ClipResult):
                found = found.norm_before if found.norms is None else found.norms
            each = found.expand(len(positions)) if found.dim() == 0 else found
            for n, one in zip(positions, each.unbind(), strict=True):
                evidence[n] = one.to(parameters[0].device, torch.float32)
        return torch.stack(evidence)

    def watch(self, parameter: Tensor) -> Removable:
        """Let the policy of `parameter` watch it if that one acts at each backward."""
        part = self._parts[self._part(names_of([parameter])[0])]
        return part.watch(parameter) if part.acts_at == "backward" else _Nothing()

    def measured(self, asker: object, *, wanted: bool) -> None:
        """Tell all policies."""
        for part in self._parts:
            part.measured(asker, wanted=wanted)

    def check_names(self, names: Sequence[str]) -> None:
        """Raise ClipError if a pattern matches none of `names`."""
        for pattern, _ in self.rules:
            if not any(fnmatchcase(name, pattern) for name in names):
                near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.3) or names[:3]
                raise ClipError(
                    f"clipping rule {pattern!r} matches none of the {len(names)} parameters' "
                    f"names (nearest: {', '.join(near)})"
                )

    def fresh(self) -> ByNameClip:
        """Return the rules with policies that keep no statistics yet."""
        return ByNameClip(self.default.fresh(), [(p, part.fresh()) for p, part in self.rules])

    def state_dict(self) -> dict[str, Any]:
        """Return the statistics of each policy that keeps some, by its pattern."""
        states = zip((_DEFAULT, *(pattern for pattern, _ in self.rules)), self._parts, strict=True)
        return {key: state for key, part in states if (state := part.state_dict())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the statistics of `state_dict`."""
        check_state(str(self), state, tuple(self.state_dict()))
        if _DEFAULT in state:
            self.default.load_state_dict(state[_DEFAULT])
        for pattern, part in self.rules:
            if pattern in state:
                part.load_state_dict(state[pattern])

    def __str__(self) -> str:
        return ";".join([str(self.default), *(f"{pattern}={p}" for pattern, p in self.rules)])

    @property
    def _parts(self) -> list[ClipPolicy]:
        return [self.default, *(policy for _, policy in self.rules)]

    def _assigned(self, parameters: Sequence[Tensor]) -> list[tuple[ClipPolicy, list[int]]]:
        """Return each policy that has parameters and their positions."""
        positions: list[list[int]] = [[] for _ in self._parts]
        for n, name in enumerate(names_of(parameters)):
            positions[self._part(name)].append(n)
        return [pair for pair in zip(self._parts, positions, strict=True) if pair[1]]

    def _part(self, name: str) -> int:
        if name not in self._part_of:
            matches = (n for n, (p, _) in enumerate(self.rules, 1) if fnmatchcase(name, p))
            self._part_of[name] = next(matches, 0)
        return self._part_of[name]


class _Nothing:
    """The watch of a parameter that nothing watches."""

    def remove(self) -> None:
        """Do nothing."""


def _rule_policy(pattern: str, policy: ClipPolicy | str) -> ClipPolicy:
    from rnnswap.clip._parse import as_policy

    if not isinstance(pattern, str):
        raise ClipError(f"clipping by name: a pattern is a string, got {pattern!r}")
    if isinstance(policy, str):
        policy = str(policy_text.parse_rule(f"{pattern}={policy}").policy)
    return as_policy(policy)
