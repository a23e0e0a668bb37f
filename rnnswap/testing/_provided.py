"""`check_attention` and `check_clip_policy`: does what a plugin provides keep the contract?"""

from __future__ import annotations

import importlib
from typing import Any

from torch import nn

from rnnswap import clip, discovery
from rnnswap.testing._asked import check_asked, is_target, title
from rnnswap.testing._attention_subject import AttentionSubject
from rnnswap.testing._checks import ATTENTION, CLIP, QUICK
from rnnswap.testing._clip_subject import ClipSubject
from rnnswap.testing._report import Report
from rnnswap.testing._running import run_checks

#: Modules that register checks when imported, in the order of the report.
for _theme in ("_attention", "_attention_modules", "_clip"):
    importlib.import_module(f"rnnswap.testing.{_theme}")


def check_attention(cls: type[nn.Module], *, level: str = QUICK, **options: Any) -> Report:
    """Check whether a class keeps the contract of attention mechanisms.

    The contract is that of `rnnswap.attention.Attention`: weights are shares, masks say True =
    attend, a query without any key gets zeros, and so on. What a mechanism need not do, such as
    second derivatives, is in the group "beyond". Runs on the CPU in small sizes with a fixed seed.

    Args:
        cls: The class, not an instance.
        level: "quick": less than a second; "full": also torch.compile and torch.export.
        **options: Keyword-only extras of the class, handed to every construction.

    Raises:
        OptionError: `level` is neither "quick" nor "full".
        TypeError: `cls` is not a torch.nn.Module class.

    Example:
        >>> check_attention(rnnswap.attention.SoftAttention, score="additive").passed
        True
    """
    check_asked(cls, level)
    specs = [entry.spec for entry in discovery.installed().attentions]
    spec = next((s for s in specs if is_target(cls, s.target)), None)
    results = run_checks(ATTENTION, AttentionSubject(cls, options, spec), level)
    return Report(title(cls, options), "", level, results, role="attention mechanism")


def check_clip_policy(policy: clip.ClipPolicy | str) -> Report:
    """Check whether a policy keeps the contract of clipping policies.

    The contract is that of `rnnswap.clip.ClipPolicy`: no norm rises, its text reads back, what is
    not finite is shown and forgotten, statistics go through a checkpoint, and so on. What a policy
    need not do, such as leaving small gradients alone, is in the group "beyond".

    Args:
        policy: A policy, which is copied, or its text such as `norm:1.0`.

    Raises:
        ClipError: The text does not follow the grammar, or a number is out of bounds.
        UnknownNameError: No such policy is installed.
        TypeError: `policy` is neither a policy nor text.

    Example:
        >>> check_clip_policy("norm:1.0").passed
        True
    """
    if not isinstance(policy, str | clip.ClipPolicy):
        raise TypeError(f"expected a ClipPolicy or text such as 'norm:1.0', got {policy!r}")
    made = clip.parse(policy) if isinstance(policy, str) else policy
    known = str(made).partition(":")[0] in discovery.installed().policies
    results = run_checks(CLIP, ClipSubject(made, known), QUICK)
    return Report(str(made), "", QUICK, results, role="clipping policy")
