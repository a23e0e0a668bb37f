"""Text to policy and back, through the registry."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policies import POLICIES

from rnnswap import discovery
from rnnswap.clip import (
    AdaptiveClip,
    ByNameClip,
    ClipPolicy,
    HookClip,
    LayerNormClip,
    NoClip,
    NormClip,
    PercentileClip,
    RangeClip,
    ValueClip,
    ZClip,
    parse,
)
from rnnswap.errors import (
    ClipError,
    DuplicateNameError,
    OptionError,
    PluginError,
    UnknownNameError,
)
from rnnswap.registry import Provider
from rnnswap.spec import ClipSpec, OptionSpec

positive = st.floats(0, exclude_min=True, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("none", NoClip()),
        ("value:1.0", ValueClip(1.0)),
        ("hook:-0.1,1.0", HookClip(-0.1, 1.0)),
        ("norm:1", NormClip(1.0)),
        ("norm:1.0,p=inf", NormClip(1.0, p=math.inf)),
        ("range:-0.1,1.0", RangeClip(-0.1, 1.0)),
        ("layer-norm:2", LayerNormClip(2.0)),
        ("agc:0.01,floor=0.1", AdaptiveClip(0.01, floor=0.1)),
        ("percentile:10", PercentileClip(10.0)),
        ("zclip:2.5,warmup=3", ZClip(2.5, warmup=3)),
        ("norm:1;a*=-1,1", ByNameClip(NormClip(1.0), [("a*", RangeClip(-1.0, 1.0))])),
        (" norm : 0.5 , p = 1 ", NormClip(0.5, p=1.0)),
    ],
)
def test_parse_reads_what_the_guide_writes(text, policy):
    assert parse(text) == policy


@given(
    st.one_of(
        st.just(NoClip()),
        st.builds(ValueClip, positive),
        st.builds(NormClip, positive, p=positive),
        st.builds(HookClip, st.floats(max_value=0), st.floats(min_value=0)),
        st.builds(RangeClip, st.floats(max_value=0), st.floats(min_value=0)),
        st.builds(LayerNormClip, positive),
        st.builds(AdaptiveClip, positive, floor=positive),
        st.builds(PercentileClip, st.floats(0, 100)),
        st.builds(
            ZClip,
            positive,
            alpha=st.floats(0, 1, exclude_min=True, exclude_max=True),
            warmup=st.integers(1, 9),
        ),
        st.builds(
            lambda bound: ByNameClip(NormClip(bound), {"rnn.*": f"{-bound},{bound}"}), positive
        ),
    )
)
def test_parse_of_str_is_the_policy(policy):
    assert parse(str(policy)) == policy
    assert str(parse(str(policy))) == str(policy)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", ClipError, "has no name"),
        ("norm", ClipError, "norm takes 1 number, got 0 .write norm:MAX_NORM."),
        ("norm:1,2", ClipError, "takes 1 number, got 2"),
        ("none:1", ClipError, "none takes 0 numbers, got 1 .write none."),
        ("norm:-1", ClipError, "max_norm must be greater than 0, got -1.0"),
        ("norm:1,p=0", OptionError, "p must be greater than 0, got 0.0"),
        ("norm:1,q=2", OptionError, "'norm' has no option 'q'"),
        ("hook:0.5,1", ClipError, "hook.*: low must be at most 0, got 0.5"),
        ("range:0.5,1", ClipError, "range.*: low must be at most 0"),
        ("range:-2,-1", ClipError, "range.*: high must be at least 0, got -1.0"),
        ("range:nan,1", ClipError, "nan is not a bound"),
        ("layer-norm:0", ClipError, "max_norm must be greater than 0"),
        ("agc:-1", ClipError, "ratio must be greater than 0"),
        ("agc:1,floor=0", OptionError, "floor must be greater than 0"),
        ("percentile:101", ClipError, "percent must be at most 100, got 101.0"),
        ("zclip:0", ClipError, "z must be greater than 0"),
        ("zclip:1,alpha=1", OptionError, "alpha must be less than 1"),
        ("zclip:1,warmup=2.5", OptionError, "warmup takes an int"),
        ("norm:1;a=norm", ClipError, "norm takes 1 number, got 0"),
        ("norm:1;a=nrom:1", UnknownNameError, "did you mean 'norm'"),
        ("norm:one", UnknownNameError, "unknown clipping policy 'norm:one'"),
        ("norm:x", UnknownNameError, "'norm:x' .'norm' is one, but 'x' is no number"),
        ("nrom:1", UnknownNameError, "unknown clipping policy 'nrom' .*did you mean 'norm'"),
    ],
)
def test_parse_says_what_is_wrong(text, error, words):
    with pytest.raises(error, match=words):
        parse(text)


class HalfClip(ClipPolicy):
    """A stranger's policy."""

    def __init__(self, share, *, floor=0.0):
        self.share, self.floor = share, floor

    def __str__(self):
        return f"half:{self.share},floor={self.floor}"

    def clip_(self, parameters):
        raise NotImplementedError


class NotAPolicy:
    def __init__(self, share):
        self.share = share


@pytest.fixture
def stranger(monkeypatch):
    """Register policies of another distribution."""
    plugins = discovery.discover()
    provider = Provider("rnnswap-half", "1.0", "half")
    monkeypatch.setattr(discovery, "installed", lambda: plugins)
    monkeypatch.setattr("rnnswap.clip._parse.installed", lambda: plugins)
    options = {"floor": OptionSpec(float, 0.0)}

    def add(name, cls):
        target = f"{cls.__module__}:{cls.__name__}"
        plugins.policies.add(ClipSpec(name, target, options, numbers=("share",)), provider)

    return add


@pytest.fixture
def importable(monkeypatch):
    """Make this file importable under the name its classes carry."""
    import sys
    import types

    module = types.ModuleType("half_clip")
    module.HalfClip, module.NotAPolicy = HalfClip, NotAPolicy
    monkeypatch.setitem(sys.modules, "half_clip", module)
    monkeypatch.setattr(HalfClip, "__module__", "half_clip")
    monkeypatch.setattr(NotAPolicy, "__module__", "half_clip")


def test_third_party_policy_is_parsed_the_same_way(stranger, importable):
    stranger("half", HalfClip)
    policy = parse("half:0.5,floor=0.25")
    assert type(policy) is HalfClip
    assert (policy.share, policy.floor) == (0.5, 0.25)
    assert str(parse(str(policy))) == str(policy)


def test_target_that_is_no_policy_is_named(stranger, importable):
    stranger("half", NotAPolicy)
    with pytest.raises(PluginError, match=r"half_clip:NotAPolicy is not a rnnswap.clip.ClipPolicy"):
        parse("half:0.5")


def test_every_registered_policy_can_be_constructed():
    assert set(POLICIES) == set(discovery.list_clip_policies())
    for text in POLICIES.values():
        assert str(parse(text)) == text


def test_qualified_name_reaches_a_policy_whose_name_was_taken(stranger, importable):
    with pytest.raises(DuplicateNameError, match="reachable as 'rnnswap-half:norm'"):
        stranger("norm", HalfClip)
    assert type(parse("rnnswap-half:norm:0.5")) is HalfClip
    assert parse("rnnswap:norm:0.5") == NormClip(0.5)
    with pytest.raises(UnknownNameError, match="unknown clipping policy 'rnnswap-hafl:norm'"):
        parse("rnnswap-hafl:norm:0.5")
