"""The whole extension surface: one hook per kind of thing a plugin can provide.

A plugin is a module, named by an entry point in the group `rnnswap`, that must not import torch
when it is imported. It decorates any of these functions with `@rnnswap.hookimpl`.
"""

from __future__ import annotations

import pluggy

from rnnswap.spec import AttentionSpec, CellSpec, ClipSpec

GROUP = "rnnswap"
#: Raised when a hook is added or a record gets a field: a plugin's RNNSWAP_API says what it needs.
API_VERSION = 1

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def rnnswap_cells() -> list[CellSpec]:  # type: ignore[empty-body]
    """Return the recurrent layers this plugin provides."""


@hookspec
def rnnswap_attentions() -> list[AttentionSpec]:  # type: ignore[empty-body]
    """Return the attention mechanisms this plugin provides."""


@hookspec
def rnnswap_clip_policies() -> list[ClipSpec]:  # type: ignore[empty-body]
    """Return the gradient clipping policies this plugin provides."""
