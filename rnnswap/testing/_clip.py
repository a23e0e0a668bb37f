"""Checks of clipping policies."""

from __future__ import annotations

import copy
import io
import math
import pickle
from functools import partial

import torch

from rnnswap import clip
from rnnswap.errors import ClipError
from rnnswap.testing._checks import CLIP, CheckSkippedError, check
from rnnswap.testing._clip_subject import (
    SHAPES,
    ClipSubject,
    flat,
    gradients,
    require_result,
    run_steps,
)
from rnnswap.testing._compare import raised, require, require_equal, require_same
from rnnswap.testing._report import BEYOND

_SCALES = (0.0, 1e-6, 1.0, 1e6)
#: Of clamping and measuring again.
_ROUNDING = 1e-6


@check(kind=CLIP)
def plain_clip(subject: ClipSubject) -> None:
    """It acts in an optimizer's step and says what it did, in numbers on the device."""
    acts_at = subject.policy().acts_at
    require(acts_at in ("step", "backward", "never"), f"unexpected acts_at {acts_at!r}")
    ((_, result),) = run_steps(subject.policy(), [gradients()])
    require_result(result, "of a step")


@check(kind=CLIP)
def text(subject: ClipSubject) -> None:
    """str() is one line that parse reads back as an equal policy."""
    policy = subject.policy()
    written = str(policy)
    require(bool(written) and "\n" not in written, f"expected one line, got {written!r}")
    if not subject.registered:
        raise CheckSkippedError(f"parse knows no policy {written.partition(':')[0]!r}")
    again = clip.parse(written)
    require(again == policy, f"expected parse({written!r}) to equal the policy, got {again!r}")
    require_equal(str(again), written, "the text of what was parsed to be")


@check(kind=CLIP)
def representation(subject: ClipSubject) -> None:
    """repr() is one line that says what the policy was made with."""
    written = repr(subject.policy())
    fine = "\n" not in written and " object at 0x" not in written
    require(fine, f"expected one line that says what it was made with, got {written!r}")


@check(kind=CLIP)
def policy_copies(subject: ClipSubject) -> None:
    """Copies and pickles are equal, with equal hashes; another object is not."""
    policy = subject.policy()
    twins = {"deepcopy": copy.deepcopy(policy), "fresh": policy.fresh()}
    if "<locals>" not in type(policy).__qualname__:  # pickle finds no class inside a function
        twins["pickle"] = pickle.loads(pickle.dumps(policy))
    for how, twin in twins.items():
        require(twin == policy, f"expected the {how} of {policy} to be equal to it")
        require(hash(twin) == hash(policy), f"expected the {how} of {policy} to have its hash")
    require(policy != object(), f"expected {policy} to be unequal to another object")


@check(kind=CLIP)
def no_norm_rises(subject: ClipSubject) -> None:
    """Finite gradients stay finite, and neither their 2-norm nor their largest element grows."""
    steps = [gradients(scale) for scale in _SCALES]
    for given, (used, _) in zip(steps, run_steps(subject.policy(), steps), strict=True):
        before, after = flat(given), flat(used)
        require(bool(after.isfinite().all()), "expected finite gradients to stay finite")
        for p in (2.0, math.inf):
            one, other = (float(v.norm(p)) for v in (before, after))
            grows = f"expected a {p:g}-norm of at most {one:.6g} after clipping, got {other:.6g}"
            require(other <= one * (1 + _ROUNDING), grows)


@check(kind=CLIP)
def the_result_is_true(subject: ClipSubject) -> None:
    """The share is 0 exactly where nothing changed, and norms do not rise."""
    steps = [gradients(scale) for scale in _SCALES]
    for given, (used, result) in zip(steps, run_steps(subject.policy(), steps), strict=True):
        changed = float((flat(given) != flat(used)).double().mean())
        share, before, after = (
            float(t) for t in (result.share, result.norm_before, result.norm_after)
        )
        require(0 <= share <= 1, f"expected a share within 0 and 1, got {share!r}")
        told = share >= changed - _ROUNDING and (share == 0) == (changed == 0)
        require(told, f"share is {share:.3g}, but {changed:.3g} of the elements changed")
        falls = after <= before * (1 + _ROUNDING)
        require(falls, f"norm_after {after:.6g} is above norm_before {before:.6g}")


@check(kind=CLIP)
def in_place(subject: ClipSubject) -> None:
    """Gradients stay the same tensors: dtype, shape, memory; whatever their layout."""
    policy = subject.policy()
    if policy.acts_at != "step":
        raise CheckSkippedError("it does not act at the step")
    given = [*gradients(100.0), torch.randn(3, 4, dtype=torch.float64).t()]
    parameters = [torch.zeros_like(g).requires_grad_() for g in given]
    places = [g.data_ptr() for g in given]
    for parameter, gradient in zip(parameters, given, strict=True):
        parameter.grad = gradient
    with torch.no_grad():
        policy.clip_(parameters)
    found = [None if p.grad is None else p.grad.data_ptr() for p in parameters]
    require_equal(found, places, "the gradients' memory to be")


@check(kind=CLIP)
def parameters_without_gradients(subject: ClipSubject) -> None:
    """A parameter without a gradient has none afterwards, and the others are clipped the same."""
    given = gradients()
    ((used, _),) = run_steps(subject.policy(), [[None, *given]])
    require(used[0] is None, "expected a parameter without a gradient to stay without")
    ((alone, _),) = run_steps(subject.policy(), [given])
    require_same(flat(used), flat(alone), "gradient beside a parameter without one")
    require_equal(run_steps(subject.policy(), [[None]])[0][1], None, "the result of nothing")


@check(kind=CLIP)
def precisions(subject: ClipSubject) -> None:
    """float32, bfloat16 and float16 stay what they are, several of them together too."""
    dtypes = (torch.float32, torch.bfloat16, torch.float16)
    for mixed in ([d] * 3 for d in dtypes), [list(dtypes)]:
        for kinds in mixed:
            given = [torch.randn(6).to(dtype) for dtype in kinds]
            ((used, result),) = run_steps(subject.policy(), [given])
            require_result(result, f"for {kinds}")
            require_equal([None if g is None else g.dtype for g in used], kinds, "gradients as")
            require(bool(flat(used).isfinite().all()), f"expected finite gradients for {kinds}")


@check(kind=CLIP)
def not_finite(subject: ClipSubject) -> None:
    """A NaN or an infinity raises nothing and shows in norm_before, by which it is counted."""
    for value in (math.nan, math.inf, -math.inf):
        given = gradients()
        given[0][1] = value
        ((used, result),) = run_steps(subject.policy(), [given])
        require_result(result, f"for a gradient with {value}")
        before = float(result.norm_before)
        require(not math.isfinite(before), f"norm_before is {before} for a gradient with {value}")
        if math.isnan(value):
            hidden = "a NaN became a number: the optimizer would take the step as if it were one"
            require(not bool(flat(used).isfinite().all()), hidden)


@check(kind=CLIP)
def not_finite_is_forgotten(subject: ClipSubject) -> None:
    """What is not finite does not enter statistics: later steps are as if it had not been."""
    steps = [gradients() for _ in range(4)]
    spoilt = gradients()
    spoilt[0][1] = math.nan
    later = run_steps(subject.policy(), [*steps[:2], spoilt, *steps[2:]])[-1][0]
    expected = run_steps(subject.policy(), steps)[-1][0]
    require_same(flat(later), flat(expected), "gradient after a step with a NaN")


@check(kind=CLIP)
def statistics(subject: ClipSubject) -> None:
    """state_dict goes through torch.save, a fresh policy goes on from it, others are refused."""
    policy = subject.policy()
    run_steps(policy, [gradients() for _ in range(5)])
    buffer = io.BytesIO()
    torch.save(policy.state_dict(), buffer)
    buffer.seek(0)
    twin = policy.fresh()
    twin.load_state_dict(torch.load(buffer, weights_only=True))
    later = [gradients(scale) for scale in (1.0, 30.0, 0.1)]
    found, expected = (run_steps(p, later) for p in (twin, copy.deepcopy(policy)))
    for one, other in zip(found, expected, strict=True):
        require_same(flat(one[0]), flat(other[0]), "gradient after load_state_dict", eps=0)
    error = raised(partial(subject.policy().load_state_dict, {"no such key": 1}))
    refused = isinstance(error, ClipError)
    require(refused, f"expected ClipError for another policy's state, got {error!r}")


@check(kind=CLIP)
def when_nobody_asks(subject: ClipSubject) -> None:
    """bound_, which runs where nobody measures, bounds alike and shows what is not finite."""
    policies = subject.policy(), subject.policy()
    if policies[0].acts_at != "step":
        raise CheckSkippedError("it does not act at the step")
    for spoil in (False, True):
        given = gradients(10.0)
        if spoil:
            given[1][0, 0] = math.nan
        sides = []
        for _ in policies:
            sides.append([torch.ones_like(g).requires_grad_() for g in given])
            for parameter, gradient in zip(sides[-1], given, strict=True):
                parameter.grad = gradient.clone()
        with torch.no_grad():
            policies[0].clip_(sides[0])
            done = policies[1].bound_(sides[1])
        if not spoil:
            grads = [flat(p.grad for p in side) for side in sides]
            require_same(grads[1], grads[0], "gradient of bound_", eps=8)
        evidence = done.norm_before if isinstance(done, clip.ClipResult) else done
        shown = not bool(evidence.isfinite().all())
        require(shown == spoil, f"bound_ returned {evidence} for gradients with NaN: {spoil}")


@check(kind=CLIP, group=BEYOND)
def idempotent(subject: ClipSubject) -> None:
    """What was clipped is within the bound: clipping it again changes nothing."""
    given = gradients(30.0)
    given[0][0] = 1e3  # above whatever is typical of the others
    ((once, _),) = run_steps(subject.policy(), [given])
    ((twice, _),) = run_steps(subject.policy(), [once])
    require_same(flat(twice), flat(once), "gradient clipped twice", eps=2**36)


@check(kind=CLIP, group=BEYOND)
def small_ones_are_left(subject: ClipSubject) -> None:
    """The bound is absolute: gradients of 1e-6 are left as they are."""
    given = gradients(1e-8, shapes=SHAPES[:2])
    given[0][0] = 1e-6
    ((used, result),) = run_steps(subject.policy(), [given])
    require_same(flat(used), flat(given), "gradient of 1e-6", eps=0)
    require_equal(float(result.share), 0.0, "share")
