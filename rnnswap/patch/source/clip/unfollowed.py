"""Steps that a file makes in ways that cannot be followed, or has a library make. Uses ast."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from rnnswap.patch.source.clip.loops import Loops, attribute, called
from rnnswap.patch.source.clip.policy import Clipping, Kind

# The halves of a sharpness-aware step, whose second one uses the gradients.
_HALVES = ("first_step", "second_step", "ascent_step", "descent_step")


class _Library(NamedTuple):
    """A library that makes the steps.

    Args:
        packages: Where its names are imported from.
        makers: Matches what is called to make what makes the steps.
        words: Who makes the steps.
        norm: What to give it to clip by norm, with {} for the number; empty if it has nothing.
        value: The same by value.
    """

    packages: tuple[str, ...]
    makers: re.Pattern[str]
    words: str
    norm: str = ""
    value: str = ""


_LIGHTNING = "give its Trainer gradient_clip_val={}, gradient_clip_algorithm='%s'"
_LIBRARIES = (
    _Library(
        ("transformers", "trl"),
        re.compile(r"\w*Trainer"),
        "the Trainer",
        "give its TrainingArguments max_grad_norm={}",
    ),
    _Library(
        ("lightning", "pytorch_lightning"),
        re.compile("Trainer"),
        "Lightning",
        _LIGHTNING % "norm",
        _LIGHTNING % "value",
    ),
    _Library(("ignite",), re.compile("create_supervised_trainer"), "ignite"),
    _Library(
        ("fastai",),
        re.compile(r"\w*[Ll]earner"),
        "fastai",
        "give the Learner cbs=GradientClip({})",
    ),
    _Library(
        ("skorch",),
        re.compile(r"NeuralNet\w*"),
        "skorch",
        "give the net callbacks=[GradientNormClipping({})]",
    ),
    _Library(
        ("composer",),
        re.compile("Trainer"),
        "composer",
        "give its Trainer algorithms=[GradientClipping('norm', {})]",
        "give its Trainer algorithms=[GradientClipping('value', {})]",
    ),
)


class Unfollowed(NamedTuple):
    """A place at which a step is made out of sight.

    Args:
        node: What stands there.
        reason: Why nothing is put in, and what to do.
    """

    node: ast.expr
    reason: str


def unfollowed(loops: Loops, clipping: Clipping) -> Iterator[Unfollowed]:
    """Yield the places of a module whose steps cannot be clipped by writing into it.

    A policy that is written after an optimizer's construction acts however the step is made: of
    such a one only what a library makes without an optimizer of this file is told.
    """
    run = f"run the program with rnnswap train --clip {clipping.text}"
    if clipping.at_step:
        for node in ast.walk(loops.scopes.tree):
            if isinstance(node, ast.Attribute) and _is_handed_on(loops, node):
                yield Unfollowed(
                    node, f"it may be called under another name; call it here, or {run}"
                )
        for call in loops.calls:
            reason = _by_the_call(loops, call, clipping)
            if reason:
                yield Unfollowed(call, reason if "give it" in reason else f"{reason}; {run}")
    elif loops.constructions or loops.unnamed:
        return
    for call in loops.calls:
        library = _library(loops, call)
        if library is not None and not (library.words == "Lightning" and _has_module(loops)):
            advice = _option(library, clipping) or run
            yield Unfollowed(call, f"{library.words} makes the steps; {advice}")


def _has_module(loops: Loops) -> bool:
    """Return whether a module of Lightning's is here, at which clipping is told of already."""
    nodes = ast.walk(loops.scopes.tree)
    names = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    return bool(loops.steps) or "configure_optimizers" in names


def _is_handed_on(loops: Loops, node: ast.Attribute) -> bool:
    """Return whether `node` is an optimizer's step that is not called where it stands."""
    if node.attr != "step" or not isinstance(node.ctx, ast.Load):
        return False
    parent = loops.scopes.parent(node)
    if isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and parent.func is node):
        return False
    return loops.is_optimizer(node.value)


def _by_the_call(loops: Loops, call: ast.Call, clipping: Clipping) -> str:
    """Return why a call makes a step out of sight, nothing if it makes none."""
    name = called(call)
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if attribute(call) in _HALVES:
        return "it is one half of a step"
    if attribute(call) == "step" and isinstance(call.func, ast.Attribute):
        of = loops.scopes.imported(call.func.value)
        is_class = of.startswith("torch.optim.") and of.rpartition(".")[2][:1].isupper()
        return "the step is called through its class" if is_class and given else ""
    if name == "getattr" and len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
        is_step = call.args[1].value == "step" and loops.is_optimizer(call.args[0])
        return "the step is looked up by its name" if is_step else ""
    if name.lower().endswith("scaler") and any(map(loops.is_optimizer, given)):
        mode = ", clip_mode='value'" if clipping.kind is Kind.VALUE else ""
        return f"it makes the step; give it clip_grad={clipping.numbers[0]}{mode}"
    return ""


def _library(loops: Loops, call: ast.Call) -> _Library | None:
    """Return the library that what `call` makes belongs to, None if it makes no steps."""
    for library in _LIBRARIES:
        for dotted in _origins(loops, call.func):
            package, _, name = dotted.partition(".")
            if package in library.packages and library.makers.fullmatch(name.rpartition(".")[2]):
                return library
    return None


def _origins(loops: Loops, function: ast.expr) -> Iterator[str]:
    """Yield the dotted names of a callee through imports; those of its bases for a class here."""
    scopes = loops.scopes
    yield scopes.imported(function)
    if not isinstance(function, ast.Name):
        return
    found = scopes.bindings(function.id, function)
    for binding in found:
        if isinstance(binding, ast.ClassDef):
            yield from (scopes.imported(base) for base in binding.bases)
    if not found:
        for node in ast.walk(scopes.tree):
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                yield f"{node.module}.{function.id}"


def _option(library: _Library, clipping: Clipping) -> str:
    """Return the library's own option for the policy, nothing if it has none."""
    if clipping.kind is Kind.NORM and not clipping.p:
        return library.norm.format(clipping.numbers[0])
    return library.value.format(clipping.numbers[0]) if clipping.kind is Kind.VALUE else ""
