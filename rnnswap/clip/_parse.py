"""From text to policy, through the registry."""

from __future__ import annotations

from rnnswap import policy_text
from rnnswap.clip._by_name import ByNameClip
from rnnswap.clip._policy import ClipPolicy
from rnnswap.discovery import installed
from rnnswap.errors import PluginError
from rnnswap.spec import load_target
from rnnswap.strangers import Contained


def parse(text: str) -> ClipPolicy:
    """Return the policy that `text` names, such as `norm:1.0` or `range:-0.1,1.0`.

    Rules for parameters by name may follow: `norm:1.0;rnn.weight_hh*=-0.1,1.0;head.*=none`.

    Raises:
        ClipError: The text does not follow the grammar, or a number is out of bounds.
        UnknownNameError: No such policy is installed.
        OptionError: An option is unknown or its value does not read as its type.
        PluginError: The policy's class cannot be imported or is not a `ClipPolicy`.
    """
    written, rules = policy_text.parse_rules(text)
    policy = _made(written)
    if not rules:
        return policy
    return ByNameClip(policy, [(rule.pattern, _made(rule.policy)) for rule in rules])


def _made(written: policy_text.PolicyText) -> ClipPolicy:
    entry = installed().policies.get(written.name)
    spec, who = entry.spec, f"clipping policy {entry.name!r} of {entry.provider}"
    options = policy_text.check(written, spec)
    try:
        with Contained():
            cls = load_target(spec.target)
    except PluginError as error:
        raise PluginError(f"{who}: {error}") from error
    policy = cls(*written.numbers, **options) if callable(cls) else cls
    if not isinstance(policy, ClipPolicy):
        raise PluginError(f"{who}: {spec.target} is not a rnnswap.clip.ClipPolicy")
    return policy


def as_policy(policy: ClipPolicy | str) -> ClipPolicy:
    """Return `policy`, parsed if it is text.

    Raises:
        TypeError: It is neither a policy nor text.
    """
    if isinstance(policy, str):
        return parse(policy)
    if not isinstance(policy, ClipPolicy):
        raise TypeError(f"expected a ClipPolicy or text such as 'norm:1.0', got {policy!r}")
    return policy
