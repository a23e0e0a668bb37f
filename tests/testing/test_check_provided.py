"""check_attention and check_clip_policy: what is in the box passes, what is wrong is found."""

import dataclasses
import math

import pytest
import torch
from policies import POLICIES

import rnnswap
from rnnswap import OptionError
from rnnswap.attention import Attention, SoftAttention
from rnnswap.clip import ClipPolicy, NormClip, ValueClip
from rnnswap.discovery import installed
from rnnswap.registry import Provider, Registry
from rnnswap.testing import check_attention, check_clip_policy
from rnnswap.testing._checks import CHECKS


def failed(report):
    return {result.name for result in report.failures}


@pytest.mark.parametrize("name", rnnswap.list_attentions())
def test_every_mechanism_of_the_box_passes(name):
    report = check_attention(rnnswap.get_attention(name))
    assert report.passed, str(report)


@pytest.mark.parametrize("text", POLICIES.values(), ids=POLICIES)
def test_every_policy_of_the_box_passes(text):
    report = check_clip_policy(text)
    assert report.passed, str(report)
    assert str(report).startswith(f"{rnnswap.clip.parse(text)} as clipping policy, quick checks")


def test_the_full_level_compiles_and_exports_and_options_are_handed_over():
    report = check_attention(SoftAttention, level="full", score="additive")
    assert report.passed, str(report)
    assert {"attention-compiled-whole", "attention-exported"} <= {r.name for r in report.results}
    assert "SoftAttention(score='additive') as attention mechanism, full checks" in str(report)


class Dot(Attention):
    """Right by itself; each subclass breaks one thing."""

    def __init__(self, query_size, key_size, *, device=None, dtype=None, **kwargs):
        super().__init__(query_size, key_size, **kwargs)

    def attend(self, query, key, value, mask, causal, need_weights):
        allowed = self.allowed(query, key, mask, causal)
        scores = query @ key.transpose(1, 2)
        if allowed is not None:
            scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
        weights = torch.softmax(scores, -1)
        weights = weights if allowed is None else weights.masked_fill(~allowed, 0.0)
        return weights @ value, weights


def test_a_mechanism_of_ones_own_is_right():
    report = check_attention(Dot, level="full")
    assert report.passed, str(report)


class Broken(Dot):
    """Breaks the graph, which it may; computes something else in it, which it may not."""

    def attend(self, query, *rest):
        torch._dynamo.graph_break()
        return super().attend(query, *rest)


class Another(Dot):
    def attend(self, query, *rest):
        scale = 2.0 if torch.compiler.is_compiling() else 1.0
        return super().attend(scale * query, *rest)


def test_a_graph_may_break_but_must_give_the_same_numbers():
    report = check_attention(Broken, level="full")
    assert report.passed, str(report)
    assert report.counts["beyond"] == {"passed": 1, "cannot": 1, "skipped": 1}  # no parameters
    assert {"attention-compiled", "attention-exported"} == failed(
        check_attention(Another, level="full")
    )


class Opposite(Dot):
    """Takes nn.MultiheadAttention's masks."""

    def allowed(self, query, key, mask, causal):
        return super().allowed(query, key, None if mask is None else ~mask, causal)


class Unmasked(Dot):
    def allowed(self, query, key, mask, causal):
        super().allowed(query, key, mask, causal)


class NanInTheDark(SoftAttention):
    def attend(self, query, key, value, mask, causal, need_weights):
        weights = torch.softmax(self.scores(query, key, mask, causal), -1)
        return weights @ value, weights

    def scores(self, query, key, mask, causal):
        scores = query @ key.transpose(1, 2)
        allowed = self.allowed(query, key, mask, causal)
        return scores if allowed is None else scores.masked_fill(~allowed, -math.inf)


class Unnormalised(NanInTheDark):
    def attend(self, query, key, value, mask, causal, need_weights):
        weights = self.scores(query, key, mask, causal).sigmoid()
        return weights @ value, weights


class Mixing(SoftAttention):
    """Rows of a batch see each other."""

    def attend(self, query, key, value, *rest):
        return super().attend(query, key + key.mean(0), value, *rest)


class Detached(SoftAttention):
    def attend(self, query, key, *rest):
        return super().attend(query.detach(), key, *rest)


class AnyMask(Dot):
    def allowed(self, query, key, mask, causal):
        given = None if mask is None else torch.as_tensor(mask).bool()
        if given is not None and given.shape[-1] != key.size(1):
            given = None
        return super().allowed(query, key, given, causal)


class AlwaysWeights(SoftAttention):
    def forward(self, *args, **kwargs):
        kwargs.pop("need_weights", None)
        return super().forward(*args, **kwargs)


class Forgetful(SoftAttention):
    """Keeps a number beside the parameters."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.shift = torch.randn(())

    def attend(self, query, key, value, *rest):
        return super().attend(query * self.shift.to(query), key, value, *rest)


class Single(SoftAttention):
    """Computes in float32."""

    def attend(self, query, key, value, *rest):
        context, weights = super().attend(query, key, value, *rest)
        return context.float(), weights.float()


class OnlyContext(SoftAttention):
    def forward(self, *args, **kwargs):
        return super().forward(*args, **kwargs)[0]


class WholeMasks(Dot):
    def allowed(self, query, key, mask, causal):
        return super().allowed(
            query, key, mask if mask is None or mask.dim() == 3 else None, causal
        )


class NeedsRows(Dot):
    def attend(self, query, *rest):
        assert query.max() < 1e9
        return super().attend(query, *rest)


class Cutting(Dot):
    def _check(self, query, key, value):
        pass


class ReadsItsLinear(SoftAttention):
    """Takes the weight of a module that quantize_dynamic replaces."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        weight = self.key_projection.weight
        self.before = torch.nn.Linear(*weight.shape, device=weight.device, dtype=weight.dtype)

    def attend(self, query, *rest):
        return super().attend(query @ self.before.weight, *rest)


class AnyDevice(SoftAttention):
    def __init__(self, *args, device=None, **kwargs):
        super().__init__(*args, **kwargs)


MECHANISMS = [
    (Opposite, {"mask-says-true-for-attend", "masked-rows", "causal", "nothing-to-attend-to"}),
    (WholeMasks, {"masks-broadcast"}),
    (NeedsRows, {"no-rows"}),
    (Cutting, {"bad-tensors"}),
    (AnyDevice, {"attention-on-meta"}),
    (ReadsItsLinear, {"attention-quantized"}),
    (Unmasked, {"mask-says-true-for-attend", "masked-rows", "what-is-masked-is-not-read"}),
    (NanInTheDark, {"masked-rows", "nothing-to-attend-to", "attention-autocast"}),
    (Unnormalised, {"weights-are-shares", "another-sequence", "every-parameter-learns"}),
    (Mixing, {"rows-alone"}),
    (Detached, {"attention-gradcheck"}),
    (AnyMask, {"bad-masks"}),
    (AlwaysWeights, {"without-weights"}),
    (Forgetful, {"attention-copies", "batch-first"}),
    (Single, {"attention-dtypes", "attention-converted"}),
    (OnlyContext, {"plain-attention"}),
]


@pytest.mark.parametrize(("cls", "found"), MECHANISMS)
def test_what_is_wrong_with_a_mechanism_is_found(cls, found):
    assert found <= failed(check_attention(cls))


@dataclasses.dataclass(frozen=True)
class Odd(ClipPolicy):
    """norm:1.0 by default; each subclass breaks one thing."""

    max_norm: float = 1.0

    def clip_(self, parameters):
        return NormClip(self.max_norm).clip_(parameters)

    def __str__(self):
        return f"norm:{self.max_norm}"


class Rising(Odd):
    def clip_(self, parameters):
        result = super().clip_(parameters)
        for p in parameters:
            p.grad.mul_(5)
        return result


class Numbers(Odd):
    def clip_(self, parameters):
        result = super().clip_(parameters)
        return dataclasses.replace(result, share=float(result.share))


class Liar(Odd):
    def clip_(self, parameters):
        result = super().clip_(parameters)
        return dataclasses.replace(result, share=torch.zeros(()))


class Elsewhere(Odd):
    def clip_(self, parameters):
        for p in parameters:
            p.grad = p.grad.clone()
        return super().clip_(parameters)


class Hiding(Odd):
    def clip_(self, parameters):
        for p in parameters:
            p.grad.nan_to_num_(0.0, 0.0, 0.0)
        return super().clip_(parameters)


class Counting(Odd):
    """Bounds by the mean of what it has seen, and saves nothing."""

    def __init__(self):
        object.__setattr__(self, "seen", [])
        super().__init__()

    def clip_(self, parameters):
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters])
        self.seen.append(norm)
        return NormClip(float(torch.stack(self.seen).mean().nan_to_num(1.0)) + 1e-9).clip_(
            parameters
        )

    def fresh(self):
        return Counting()


class Object(Odd):
    __repr__ = object.__repr__
    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Careless(Odd):
    def bound_(self, parameters):
        return torch.ones(())


class Filling(Odd):
    """Gives whatever it watches a gradient."""

    acts_at = "backward"

    def __init__(self):
        object.__setattr__(self, "seen", [])
        super().__init__()

    def watch(self, parameter):
        self.seen.append(parameter)

        def fill(gradient):
            for other in self.seen:
                if other.grad is None and other is not parameter:
                    other.grad = torch.zeros_like(other)

        return parameter.register_hook(fill)

    def fresh(self):
        return Filling()


class Widening(Odd):
    def clip_(self, parameters):
        result = super().clip_(parameters)
        for p in parameters:
            p.grad = p.grad.clone()
            p.grad.data = p.grad.data.float()
        return result


POLICIES_THAT_FAIL = [
    (Rising, {"no-norm-rises"}),
    (Numbers, {"plain-clip"}),
    (Liar, {"the-result-is-true"}),
    (Elsewhere, {"in-place"}),
    (Hiding, {"not-finite"}),
    (Counting, {"not-finite-is-forgotten", "statistics"}),
    (Object, {"representation", "text", "policy-copies"}),
    (Careless, {"when-nobody-asks"}),
    (Filling, {"parameters-without-gradients"}),
    (Widening, {"precisions"}),
]


@pytest.mark.parametrize(("cls", "found"), POLICIES_THAT_FAIL)
def test_what_is_wrong_with_a_policy_is_found(cls, found):
    assert found <= failed(check_clip_policy(cls()))


def test_a_layer_in_which_padding_leaks_is_found(monkeypatch):
    registry = Registry("attention mechanism")
    record = rnnswap.AttentionSpec(name="leaky", target=f"{__name__}:Unmasked")
    registry.add(record, Provider("acme", "1", "plugin"))
    monkeypatch.setattr(installed(), "attentions", registry)
    assert "in-a-layer" in failed(check_attention(Unmasked))


def test_every_check_of_the_contract_has_something_that_fails_it():
    meant = {name for _, names in (*MECHANISMS, *POLICIES_THAT_FAIL) for name in names}
    meant |= {"in-a-layer", "attention-compiled", "attention-exported"}
    kinds = ("attention", "clip")
    assert meant == {c.name for c in CHECKS if c.kind in kinds and c.group == "contract"}


def test_a_policy_that_is_right_but_not_registered_skips_what_needs_that():
    @dataclasses.dataclass(frozen=True)
    class Mine(Odd):
        def __str__(self):
            return f"mine:{self.max_norm}"

    report = check_clip_policy(Mine())
    assert report.passed, str(report)
    (text,) = [r for r in report.results if r.name == "text"]
    assert (text.status, text.detail) == ("skipped", "parse knows no policy 'mine'")


def test_what_is_no_mechanism_and_no_policy_is_refused():
    with pytest.raises(TypeError, match=r"cls must be a torch.nn.Module class, got 'soft'"):
        check_attention("soft")
    with pytest.raises(OptionError, match="level must be quick or full, got 'quik'"):
        check_attention(SoftAttention, level="quik")
    with pytest.raises(TypeError, match="expected a ClipPolicy or text .* got 1.0"):
        check_clip_policy(1.0)


def test_a_checked_policy_keeps_its_own_statistics():
    policy = rnnswap.clip.parse("percentile:10")
    before = policy.state_dict()
    check_clip_policy(policy)
    assert str(policy.state_dict()) == str(before)
    assert check_clip_policy(ValueClip(1.0)).counts["beyond"] == {"passed": 2}
