"""Text to policy and back, through the registry."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnswap import discovery
from rnnswap.clip import ClipPolicy, HookClip, NoClip, NormClip, ValueClip, parse
from rnnswap.errors import ClipError, OptionError, PluginError, UnknownNameError
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
        ("norm:-1", ClipError, "max_norm must be > 0, got -1.0"),
        ("norm:1,p=0", ClipError, "p must be > 0, got 0.0"),
        ("norm:1,q=2", OptionError, "'norm' has no option 'q'"),
        ("hook:0.5,1", ClipError, "low <= 0 <= high"),
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
    examples = {"none": "none", "value": "value:1.0", "hook": "hook:-1.0,1.0", "norm": "norm:1.0"}
    for name in discovery.list_clip_policies():
        assert str(parse(examples[name])) == examples[name]
