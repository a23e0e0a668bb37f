"""Finds plugins through entry points, one at a time, and survives any of them.

An entry point of the group `rnnswap` names a torch-free module with `@rnnswap.hookimpl` functions.
Built-ins come first, then distributions by name, so a clash is never decided by load order. A
plugin that fails to import, is not a plugin or returns nonsense is reported with its distribution,
version and reason, and everything else goes on.
"""

from __future__ import annotations

import functools
import os
import reprlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from rnnswap import builtin, distributions, hookspecs
from rnnswap.errors import DuplicateNameError, PluginError
from rnnswap.registry import Entry, Provider, Registry
from rnnswap.spec import AttentionSpec, CellSpec, ClipSpec, load_target
from rnnswap.strangers import Contained

if TYPE_CHECKING:
    import pluggy

#: Environment variable: a comma-separated list of distributions to load besides rnnswap itself.
LIMIT_VARIABLE = "RNNSWAP_PLUGINS"

#: Environment variable: if set, whatever is wrong with a plugin is an error.
STRICT_VARIABLE = "RNNSWAP_STRICT_PLUGINS"

_Spec = TypeVar("_Spec", CellSpec, AttentionSpec, ClipSpec)


@dataclass(frozen=True, slots=True)
class Failure:
    """A plugin, or one thing it provides, that could not be registered as it asked."""

    provider: Provider
    reason: str
    #: Whether what the plugin provides is there all the same.
    harmless: bool = False

    def __str__(self) -> str:
        return f"{self.provider} (entry point {self.provider.entry!r}): {self.reason}"


@dataclass(slots=True)
class Plugins:
    """Everything discovered: the three registries and what went wrong."""

    cells: Registry[CellSpec] = field(default_factory=lambda: Registry("cell"))
    attentions: Registry[AttentionSpec] = field(
        default_factory=lambda: Registry("attention mechanism")
    )
    policies: Registry[ClipSpec] = field(default_factory=lambda: Registry("clipping policy"))
    failures: list[Failure] = field(default_factory=list)


def discover(entry_points: Iterable[Any] | None = None, limit: str | None = None) -> Plugins:
    """Load every plugin and return what they provide.

    Args:
        entry_points: What to load instead of the installed entry points.
        limit: Comma-separated distributions to load besides rnnswap; None loads all.
    """
    # Here, not above: a built-in is found by name without them, and they cost a tenth of a second.
    import pluggy

    plugins = Plugins()
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    if entry_points is None:
        found, problems = distributions.entry_points(hookspecs.GROUP)
    else:
        found, problems = distributions.given(entry_points), []
    allowed = _allowed(limit)
    for problem in problems:
        if allowed is None or problem.provider.distribution in allowed:
            plugins.failures.append(Failure(problem.provider, problem.reason, problem.harmless))
    for provider, entry in distributions.in_order(found):
        if allowed is None or provider.distribution in allowed:
            _load_one(plugins, manager, provider, entry)
    there = {provider.distribution for provider, _ in found} | {
        problem.provider.distribution for problem in problems
    }
    for name in sorted((allowed or set()) - there - {distributions.OWN}):
        text = f"{LIMIT_VARIABLE} names it, but no such plugin is installed"
        plugins.failures.append(Failure(Provider(name, "?", "?"), text))
    _explain_misses(plugins)
    return plugins


@functools.cache
def installed() -> Plugins:
    """Return what is installed, discovered once per process, limited by RNNSWAP_PLUGINS.

    Raises:
        PluginError: Something failed, and RNNSWAP_STRICT_PLUGINS is set.
    """
    found = discover(limit=os.environ.get(LIMIT_VARIABLE))
    if found.failures and os.environ.get(STRICT_VARIABLE):
        raise PluginError("; ".join(str(failure) for failure in found.failures))
    return found


def find_cell(name: str) -> CellSpec:
    """Return the record of the cell called `name`.

    Built-ins win every clash, so what stands under their names is known before any plugin is
    loaded; the plugins of others are loaded for other names only.

    Raises:
        UnknownNameError: No such cell is installed.
    """
    return _built_in(builtin.rnnswap_cells, name) or installed().cells.get(name).spec


def find_attention(name: str) -> AttentionSpec:
    """Return the record of the attention mechanism called `name`; as `find_cell`.

    Raises:
        UnknownNameError: No such mechanism is installed.
    """
    return _built_in(builtin.rnnswap_attentions, name) or installed().attentions.get(name).spec


def find_policy(name: str) -> ClipSpec:
    """Return the record of the clipping policy called `name`; as `find_cell`.

    Raises:
        UnknownNameError: No such policy is installed.
    """
    return _built_in(builtin.rnnswap_clip_policies, name) or installed().policies.get(name).spec


def _built_in(hook: Callable[[], list[_Spec]], name: str) -> _Spec | None:
    return next((spec for spec in hook() if spec.name == name), None)


def _allowed(limit: str | None) -> set[str] | None:
    """Return the distributions that may be loaded; None for all."""
    if limit is None:
        return None
    names = (name.strip() for name in limit.split(","))
    return {distributions.OWN, *(distributions.normalised(name) for name in names if name)}


def _load_one(
    plugins: Plugins, manager: pluggy.PluginManager, provider: Provider, entry: Any
) -> None:
    def fail(reason: str) -> None:
        plugins.failures.append(Failure(provider, reason))

    notes: list[str] = []
    try:
        with distributions.watched(provider, notes), Contained(notes):
            module = entry.load()
            _check_api(module)
            if manager.is_registered(module):
                notes.append(f"{_named(module)} is another entry point's too, once is enough")
                return
            manager.register(module, name=f"{provider.distribution}:{provider.entry}")
            _report_unknown_hooks(manager, module, fail)
            hooks = _hooks(plugins, manager, module)
            if not hooks:
                raise PluginError(f"{_named(module)} has no @rnnswap.hookimpl function")
            for hook, kind, registry in hooks:
                _register(hook, kind, registry, provider, fail, notes)
    except PluginError as error:
        fail(str(error))
    finally:
        plugins.failures += [Failure(provider, note, harmless=True) for note in notes]


def _named(module: Any) -> str:
    return f"module {getattr(module, '__name__', module)!s}"


def _hooks(
    plugins: Plugins, manager: pluggy.PluginManager, module: Any
) -> list[tuple[Callable[[], Any], type, Registry[Any]]]:
    """Return a module's hooks, each with the kind of its records and where they are registered."""
    kinds: list[tuple[Any, type, Registry[Any]]] = [
        (manager.hook.rnnswap_cells, CellSpec, plugins.cells),
        (manager.hook.rnnswap_attentions, AttentionSpec, plugins.attentions),
        (manager.hook.rnnswap_clip_policies, ClipSpec, plugins.policies),
    ]
    return [
        (implementation.function, kind, registry)
        for caller, kind, registry in kinds
        for implementation in caller.get_hookimpls()
        if implementation.plugin is module
    ]


def _check_api(module: Any) -> None:
    """Refuse a plugin that says that it was built for a newer hook API than this one.

    Raises:
        PluginError: It does, or what it says is no number.
    """
    built_for = getattr(module, "RNNSWAP_API", hookspecs.API_VERSION)
    if not isinstance(built_for, int) or isinstance(built_for, bool):
        raise PluginError(f"RNNSWAP_API must be an int, got {built_for!r}")
    if built_for > hookspecs.API_VERSION:
        raise PluginError(
            f"built for hook API {built_for}, this rnnswap has {hookspecs.API_VERSION}: install a "
            "newer rnnswap or an older version of the plugin"
        )


def _report_unknown_hooks(
    manager: pluggy.PluginManager, module: Any, fail: Callable[[str], None]
) -> None:
    """Name the functions that are marked as hooks but are none, such as a misspelt one."""
    known = {name for name in vars(hookspecs) if name.startswith("rnnswap_")}
    for name in dir(module):
        if name not in known and manager.parse_hookimpl_opts(module, name) is not None:
            fail(
                f"{name} is marked as a hook, but there is none (hooks: {', '.join(sorted(known))})"
            )


def _register(
    hook: Callable[[], Any],
    kind: type,
    registry: Registry[Any],
    provider: Provider,
    fail: Callable[[str], None],
    notes: list[str],
) -> None:
    try:
        with Contained(notes):
            returned = hook()
            if not isinstance(returned, list | tuple):
                raise PluginError(
                    f"{hook.__name__} must return a list of {kind.__name__}, "
                    f"got {type(returned).__name__}"
                )
            records = [(record, reprlib.repr(record)) for record in returned]
    except PluginError as error:
        fail(str(error))
        return
    for record, text in records:
        if type(record) is not kind:  # a class of one's own may answer isinstance with anything
            fail(f"{hook.__name__} returned {text}, which is not a {kind.__name__}")
            continue
        try:
            registry.add(record, provider)
        except DuplicateNameError as error:
            fail(str(error))


def _explain_misses(plugins: Plugins) -> None:
    """Let a miss say why: a plugin that failed may have been meant to provide the name."""
    hint = ""
    failures = {str(f.provider) for f in plugins.failures if not f.harmless}
    if failures:
        failed = ", ".join(sorted(failures))
        hint = f" (not all plugins loaded: {failed}; see rnnswap plugins)"
    elif not plugins.cells.names():
        hint = "; rnnswap is not installed in this environment, run pip install for it"
    for registry in (plugins.cells, plugins.attentions, plugins.policies):
        registry.hint = hint


def list_cells() -> list[str]:
    """Return the names of the installed cells, sorted."""
    return installed().cells.names()


def list_attentions() -> list[str]:
    """Return the names of the installed attention mechanisms, sorted."""
    return installed().attentions.names()


def list_clip_policies() -> list[str]:
    """Return the names of the installed clipping policies, sorted."""
    return installed().policies.names()


def get_cell(name: str) -> Any:
    """Return the class of the cell called `name`; it takes nn.LSTM's constructor arguments.

    Raises:
        UnknownNameError: No such cell is installed.
        PluginError: Its class cannot be imported or is no torch.nn.Module.
    """
    return load_class(installed().cells.get(name))


def get_attention(name: str) -> Any:
    """Return the class of the attention mechanism called `name`.

    Raises:
        UnknownNameError: No such mechanism is installed.
        PluginError: Its class cannot be imported or is no torch.nn.Module.
    """
    return load_class(installed().attentions.get(name))


def load_class(entry: Entry[Any], target: str | None = None) -> Any:
    """Import and return the torch.nn.Module class that a registered record names.

    Args:
        entry: Of a cell or an attention mechanism.
        target: The record's `target` if not given.

    Raises:
        PluginError: It cannot be imported or is no such class; names record and distribution.
    """
    target = target or entry.spec.target
    try:
        with Contained():
            found = load_target(target)
    except PluginError as error:
        raise PluginError(f"{entry.name!r} of {entry.provider}: {error}") from error
    torch = sys.modules.get("torch")  # a module without torch can hold no such class
    if torch is None or not (isinstance(found, type) and issubclass(found, torch.nn.Module)):
        raise PluginError(
            f"{entry.name!r} of {entry.provider}: target {target!r} is not a torch.nn.Module class"
        )
    return found
