"""Finds plugins through entry points, one at a time, and survives any of them.

An entry point of the group `rnnswap` names a torch-free module with `@rnnswap.hookimpl` functions.
Built-ins come first, then distributions by name, so a clash is never decided by load order. A
plugin that fails to import, is not a plugin or returns nonsense is reported with its distribution,
version and reason, and everything else goes on.
"""

from __future__ import annotations

import contextlib
import functools
import os
import reprlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from rnnswap import builtin, hookspecs
from rnnswap.errors import DuplicateNameError, PluginError
from rnnswap.registry import Provider, Registry
from rnnswap.spec import AttentionSpec, CellSpec, ClipSpec, load_target

if TYPE_CHECKING:
    import pluggy

#: Environment variable: a comma-separated list of distributions to load besides rnnswap itself.
LIMIT_VARIABLE = "RNNSWAP_PLUGINS"
_OWN_DISTRIBUTION = "rnnswap"

_Spec = TypeVar("_Spec", CellSpec, AttentionSpec, ClipSpec)


@dataclass(frozen=True, slots=True)
class Failure:
    """A plugin, or one thing it provides, that could not be registered as it asked."""

    provider: Provider
    reason: str

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
    import importlib_metadata
    import pluggy

    plugins = Plugins()
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    found = importlib_metadata.entry_points(group=hookspecs.GROUP)
    for provider, entry in _in_order(found if entry_points is None else entry_points):
        if _allowed(provider, limit):
            _load_one(plugins, manager, provider, entry)
    _explain_misses(plugins)
    return plugins


@functools.cache
def installed() -> Plugins:
    """Return what is installed, discovered once per process, limited by RNNSWAP_PLUGINS."""
    return discover(limit=os.environ.get(LIMIT_VARIABLE))


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


def _in_order(entry_points: Iterable[Any]) -> list[tuple[Provider, Any]]:
    pairs = []
    for entry in entry_points:
        name, version = ("unknown", "?") if entry.dist is None else _identity(entry.dist)
        pairs.append((Provider(name, version, entry.name), entry))
    # A distribution that is found twice on sys.path (a checkout and its installation) counts once.
    unique = {(p.distribution, p.entry): (p, e) for p, e in reversed(pairs)}
    return sorted(
        unique.values(),
        key=lambda pair: (
            pair[0].distribution != _OWN_DISTRIBUTION,
            pair[0].distribution,
            pair[0].entry,
        ),
    )


def _identity(dist: Any) -> tuple[str, str]:
    """Return a distribution's name and version; broken metadata has neither."""
    try:
        return str(dist.name).lower().replace("_", "-"), str(dist.version)
    except Exception:  # metadata of strangers may lack anything
        return "unknown", "?"


def _allowed(provider: Provider, limit: str | None) -> bool:
    if limit is None or provider.distribution == _OWN_DISTRIBUTION:
        return True
    return provider.distribution in {name.strip() for name in limit.split(",")}


def _load_one(
    plugins: Plugins, manager: pluggy.PluginManager, provider: Provider, entry: Any
) -> None:
    def fail(reason: str) -> None:
        plugins.failures.append(Failure(provider, reason))

    try:
        with _strangers_code():
            module = entry.load()
            if manager.is_registered(module):
                raise PluginError(f"module {module.__name__} is registered by another entry point")
            manager.register(module, name=f"{provider.distribution}:{provider.entry}")
    except PluginError as error:
        fail(str(error))
        return
    kinds: list[tuple[Any, type, Registry[Any]]] = [
        (manager.hook.rnnswap_cells, CellSpec, plugins.cells),
        (manager.hook.rnnswap_attentions, AttentionSpec, plugins.attentions),
        (manager.hook.rnnswap_clip_policies, ClipSpec, plugins.policies),
    ]
    _report_unknown_hooks(manager, module, fail)
    provided = False
    for caller, kind, registry in kinds:
        for implementation in caller.get_hookimpls():
            if implementation.plugin is module:
                provided = True
                _register(implementation.function, kind, registry, provider, fail)
    if not provided:
        fail(f"module {getattr(module, '__name__', module)!s} has no @rnnswap.hookimpl function")


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


@contextlib.contextmanager
def _strangers_code() -> Iterator[None]:
    """Turn whatever is raised inside into a PluginError, and what is printed to stderr.

    Everything but Ctrl-C: a plugin that calls sys.exit() on import must not end the host, nor must
    exceptions that derive from BaseException alone. stdout belongs to the command's results.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except PluginError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"{type(error).__name__}: {error}") from error


def _register(
    hook: Callable[[], Any],
    kind: type,
    registry: Registry[Any],
    provider: Provider,
    fail: Callable[[str], None],
) -> None:
    try:
        with _strangers_code():
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
        if not isinstance(record, kind):
            fail(f"{hook.__name__} returned {text}, which is not a {kind.__name__}")
            continue
        try:
            registry.add(record, provider)
        except DuplicateNameError as error:
            fail(str(error))


def _explain_misses(plugins: Plugins) -> None:
    """Let a miss say why: a plugin that failed may have been meant to provide the name."""
    hint = ""
    if plugins.failures:
        failed = ", ".join(sorted({str(f.provider) for f in plugins.failures}))
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
        PluginError: Its class cannot be imported.
    """
    return load_target(installed().cells.get(name).spec.target)


def get_attention(name: str) -> Any:
    """Return the class of the attention mechanism called `name`.

    Raises:
        UnknownNameError: No such mechanism is installed.
        PluginError: Its class cannot be imported.
    """
    return load_target(installed().attentions.get(name).spec.target)
