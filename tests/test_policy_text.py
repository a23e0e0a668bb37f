"""The grammar of clipping policies, their rules by name and names that say the distribution."""

import pytest

from rnnswap import policy_text
from rnnswap.errors import ClipError


@pytest.mark.parametrize(
    ("text", "name", "numbers"),
    [
        ("norm:1", "norm", (1.0,)),
        ("norm:inf", "norm", (float("inf"),)),
        ("none", "none", ()),
        ("rnnswap-half:half:0.5", "rnnswap-half:half", (0.5,)),
        (" rnnswap-half : half : 0.5 ", "rnnswap-half:half", (0.5,)),
        ("rnnswap-half:none", "rnnswap-half:none", ()),
    ],
)
def test_name_may_say_the_distribution(text, name, numbers):
    read = policy_text.parse(text)
    assert (read.name, read.numbers) == (name, numbers)
    assert policy_text.parse(str(read)) == read


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("rnn.weight_hh*=-0.1,1.0", "rnn.weight_hh*=range:-0.1,1.0"),
        ("*.bias_?h_l[01]=0.5", "*.bias_?h_l[01]=value:0.5"),
        (" head.* = norm:1,p=inf ", "head.*=norm:1.0,p=inf"),
        ("head.*=none", "head.*=none"),
    ],
)
def test_rule_is_a_pattern_and_a_policy_or_bounds(text, rule):
    read = policy_text.parse_rule(text)
    assert str(read) == rule
    assert policy_text.parse_rule(str(read)) == read


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "write PATTERN=POLICY or PATTERN=LOW,HIGH"),
        ("rnn.weight", "write PATTERN=POLICY"),
        ("=1", "write PATTERN=POLICY"),
        ("rnn=", "write PATTERN=POLICY"),
        ("rnn weight=1", "'rnn weight' can match no parameter's name"),
        ("rnn=1,2,3", "'1,2,3' has 3 numbers; one is a largest absolute value, two are"),
        ("rnn=nan,1", "nan is not a bound"),
        ("rnn=norm:", "nothing after the colon"),
    ],
)
def test_rule_says_what_is_wrong(text, words):
    with pytest.raises(ClipError, match=words):
        policy_text.parse_rule(text)


def test_rules_stand_after_the_policy():
    text = policy_text.with_rules("norm:1", ["rnn.*=-1,1", "head.*=none"])
    policy, rules = policy_text.parse_rules(text)
    assert str(policy) == "norm:1.0"
    assert [str(rule) for rule in rules] == ["rnn.*=range:-1.0,1.0", "head.*=none"]


@pytest.mark.parametrize(
    ("rules", "words"),
    [(["a=1", "a=2"], "pattern 'a' is given twice"), (["a"], "write PATTERN=POLICY")],
)
def test_wrong_rules_are_not_put_together(rules, words):
    with pytest.raises(ClipError, match=words):
        policy_text.with_rules("norm:1", rules)


def test_rules_are_refused_where_one_policy_is_meant():
    with pytest.raises(ClipError, match="rules for parameters by name .* cannot stand here"):
        policy_text.parse("norm:1;a=1")
