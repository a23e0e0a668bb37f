"""Print docs/swapping.md's table of situations: rnnswap's swap beside other module swappers.

    python docs/swap_situations.py

Each situation is one small model, one swap, and one question, asked of every swapper alike. Others
are asked where they are installed (`pip install opacus torchao mosaicml`). Composer and torchao put
in what a function of the user's makes; here it makes a JANET with the arguments of the nn.LSTM.
Opacus puts in its own LSTM.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import rnnswap
from rnnswap import JANET, JANETCell

#: Takes a model and optimizers, returns the swapped model.
Swapper = Callable[..., nn.Module]


class Model(nn.Module):
    """An LSTM and a head."""

    def __init__(self, rnn: nn.Module | None = None) -> None:
        super().__init__()
        self.rnn = nn.LSTM(4, 6) if rnn is None else rnn
        self.head = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the head of every step."""
        out: torch.Tensor = self.head(self.rnn(x)[0])
        return out


class Subclass(nn.LSTM):
    """Whatever a user adds to it."""


class No(Exception):  # noqa: N818  (not an error but an answer)
    """The answer, in a few words."""


def claim(holds: bool, otherwise: str) -> None:
    """Say no unless `holds`."""
    if not holds:
        raise No(otherwise)


def swapped(module: nn.Module, before: nn.Module | None = None) -> bool:
    """Whether something else stands there than an nn.LSTM."""
    return module is not before and type(module) not in (nn.LSTM, nn.LSTMCell, Subclass)


# ---------------------------------------------------------------------------- situations


def root(swap: Swapper) -> str:
    """The model itself is an nn.LSTM."""
    claim(swapped(swap(nn.LSTM(4, 6))), "not swapped")
    return "in `report.model`"


def nested(swap: Swapper) -> str:
    """Three levels down."""
    model = swap(nn.Sequential(nn.Sequential(Model())))
    claim(swapped(model[0][0].rnn), "not swapped")  # type: ignore[index, union-attr]
    return ""


def containers(swap: Swapper) -> str:
    """In Sequential, ModuleList and ModuleDict."""
    model = nn.ModuleDict(
        {
            "list": nn.ModuleList([nn.LSTM(4, 6)]),
            "sequential": nn.Sequential(nn.LSTM(4, 6)),
            "own": nn.LSTM(4, 6),
        }
    )
    done: Any = swap(model)
    for rnn in (done["list"][0], done["sequential"][0], done["own"]):
        claim(swapped(rnn), "not swapped")
    return ""


def several_names(swap: Swapper) -> str:
    """One module under two names of one parent and under another parent stays one."""
    model: Any = Model()
    model.twin, model.more = model.rnn, nn.ModuleList([model.rnn])
    model = swap(model)
    everywhere = {model.rnn, model.twin, model.more[0]}
    missed = sum(not swapped(m) for m in (model.rnn, model.twin, model.more[0]))
    claim(not missed, f"old one stays under {missed} of 3 names")
    claim(len(everywhere) == 1, f"becomes {len(everywhere)} modules")
    return ""


def single_step(swap: Swapper) -> str:
    """nn.LSTMCell."""
    model: Any = nn.ModuleDict({"cell": nn.LSTMCell(4, 6), "rnn": nn.LSTM(4, 6)})
    claim(swapped(swap(model)["cell"]), "not swapped")  # type: ignore[index]
    return ""


def meta(swap: Swapper) -> str:
    """A model on the meta device stays there."""
    model: Any = swap(Model().to("meta"))
    devices = {p.device.type for p in model.rnn.parameters()}
    claim(swapped(model.rnn), "not swapped")
    claim(devices == {"meta"}, f"lands on {', '.join(sorted(devices))}")
    return ""


def dtypes(swap: Swapper) -> str:
    """Layers in float64 and bfloat16 keep their dtype (and devices, likewise)."""
    model: Any = nn.ModuleList([nn.LSTM(4, 6).double(), nn.LSTM(4, 6).bfloat16()])
    model = swap(model)
    claim(all(swapped(m) for m in model), "not swapped")
    found = [next(m.parameters()).dtype for m in model]
    claim(found == [torch.float64, torch.bfloat16], "become " + ", ".join(map(str, found)))
    return ""


def evaluation(swap: Swapper) -> str:
    """A model in eval mode stays in it."""
    model: Any = swap(Model().eval())
    claim(swapped(model.rnn), "not swapped")
    claim(not model.rnn.training, "the new layer trains")
    return ""


def frozen(swap: Swapper) -> str:
    """requires_grad=False stays."""
    model: Any = Model()
    model.rnn.requires_grad_(False)
    model = swap(model)
    claim(swapped(model.rnn), "not swapped")
    claim(not any(p.requires_grad for p in model.rnn.parameters()), "the new layer is trained")
    return ""


def parametrized(swap: Swapper) -> str:
    """A layer under weight_norm is not stripped of it in silence."""
    model: Any = Model()
    nn.utils.parametrizations.weight_norm(model.rnn, "weight_hh_l0")
    model = swap(model)
    claim(nn.utils.parametrize.is_parametrized(model.rnn), "swapped, the parametrization is gone")
    claim(_reported("rnn"), "left, and nothing says so")
    return "left and reported"


def hooks(swap: Swapper) -> str:
    """Forward pre, forward and backward hooks act on the new layer; handles remove them."""
    model: Any = Model()
    calls: list[str] = []
    handles = [
        model.rnn.register_forward_pre_hook(lambda *_: calls.append("pre")),
        model.rnn.register_forward_hook(lambda *_: calls.append("forward")),
        model.rnn.register_full_backward_hook(lambda *_: calls.append("backward")),
    ]
    x = torch.randn(3, 2, 4, requires_grad=True)
    model = swap(model)
    claim(swapped(model.rnn), "not swapped")
    model(x).sum().backward()
    claim(sorted(calls) == ["backward", "forward", "pre"], f"{len(calls)} of 3 act")
    for handle in handles:
        handle.remove()
    model(x)
    claim(len(calls) == 3, "the handles no longer remove them")
    return ""


def compiled(swap: Swapper) -> str:
    """torch.compile'd: the layer inside is swapped and the compiled code is made anew."""
    model, x = Model(), torch.randn(3, 2, 4)
    ready: Any = torch.compile(model, backend="eager")
    ready(x)
    after: Any = swap(ready)
    claim(swapped(model.rnn), "not swapped")
    claim(torch.equal(after(x), model(x)), "still runs the old layer")
    return ""


def distributed(swap: Swapper) -> str:
    """Wrapped in DistributedDataParallel: refused."""
    import torch.distributed as dist

    hook = sys.excepthook  # torch puts its own there for good
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        model: Any = nn.parallel.DistributedDataParallel(Model())
        try:
            model = swap(model)
        except No:
            raise
        except Exception:
            return "refused"
        claim(not swapped(model.module.rnn), "swapped: the new weights are never synchronised")
        raise No("nothing happens")
    finally:
        dist.destroy_process_group()
        sys.excepthook = hook


def scripted(swap: Swapper) -> str:
    """An LSTM inside a ScriptModule is left and reported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inside = torch.jit.script(Model())  # type: ignore[no-untyped-call]
    model: Any = swap(nn.ModuleDict({"scripted": inside, "own": Model()}))
    claim(swapped(model["own"].rnn), "nothing is swapped")
    claim(_reported("scripted.rnn"), "left, and nothing says so")
    return "left and reported"


def subclass(swap: Swapper) -> str:
    """A subclass of nn.LSTM is left and reported."""
    model: Any = swap(nn.ModuleDict({"special": Subclass(4, 6), "rnn": nn.LSTM(4, 6)}))
    claim(not swapped(model["special"]), "swapped, what it adds is gone")
    claim(_reported("special"), "left, and nothing says so")
    return "left and reported"


def plain_list(swap: Swapper) -> str:
    """The layer is kept in a plain list and a tuple of the model as well."""
    model: Any = Model()
    model.also = [model.rnn, (model.rnn,)]
    model = swap(model)
    claim(swapped(model.rnn), "not swapped")
    missed = (model.also[0] is not model.rnn) + (model.also[1][0] is not model.rnn)
    claim(not missed, f"old one stays in {missed} of 2")
    return ""


def optimizers(swap: Swapper) -> str:
    """Two optimizers, one with two groups, go on with the new parameters in their places."""
    model: Any = Model()
    first = torch.optim.Adam(model.rnn.parameters())
    second = torch.optim.SGD(
        [{"params": model.head.parameters()}, {"params": [model.rnn.weight_hh_l0], "lr": 1e-3}],
        lr=1e-2,
    )
    try:
        model = swap(model, [first, second])
    except No:
        raise
    except Exception as error:
        raise No(f"fails: {error}"[:70]) from error
    claim(swapped(model.rnn), "not swapped")
    names = {id(p): n for n, p in model.named_parameters()}
    groups = [*first.param_groups, *second.param_groups]
    held = [names.get(id(p), "?") for group in groups for p in group["params"]]
    claim("?" not in held, f"{held.count('?')} of {len(held)} places hold old parameters")
    claim(held[-1] == "rnn.weight_hh_l0", "in other groups")
    return ""


def failure(swap: Swapper) -> str:
    """A failure in the second of two layers leaves the model as it was."""
    model: Any = nn.ModuleDict({"a": Model(), "b": Model()})
    built: list[int] = []
    makers = {kind: kind.__init__ for kind in _targets()}

    def broken(self: Any, *args: Any, **kwargs: Any) -> None:
        built.append(1)
        if len(built) == 2:
            raise RuntimeError("out of memory")
        makers[type(self)](self, *args, **kwargs)

    for kind in makers:
        kind.__init__ = broken  # type: ignore[misc]
    try:
        with contextlib.suppress(RuntimeError):
            swap(model)
    finally:
        for kind, maker in makers.items():
            kind.__init__ = maker  # type: ignore[misc]
    half = swapped(model["a"].rnn) or swapped(model["b"].rnn)  # type: ignore[arg-type]
    claim(len(built) == 2, "not tried")
    claim(not half, "half of it is swapped")
    return ""


def undo(swap: Swapper) -> str:
    """The very same objects come back."""
    model: Any = Model()
    before = [*model.modules(), *model.parameters()]
    swap(model)
    claim(_last is not None, "no way back")
    _last.undo()
    after = [*model.modules(), *model.parameters()]
    claim(all(a is b for a, b in zip(after, before, strict=True)), "others come back")
    return "`report.undo()`"


SITUATIONS = (
    root, nested, containers, several_names, single_step, meta, dtypes, evaluation, frozen,
    parametrized, hooks, compiled, distributed, scripted, subclass, plain_list, optimizers, failure,
    undo,
)  # fmt: skip

# ---------------------------------------------------------------------------- swappers

_last: Any = None


def _reported(path: str) -> bool:
    return _last is not None and path in [m.path for m in _last.left]


def _targets() -> list[type]:
    found: list[type] = [JANET]
    if "opacus" in sys.modules:
        from opacus.layers import DPLSTM

        found.append(DPLSTM)
    return found


def ours(model: nn.Module, optimizers: Any = None) -> nn.Module:
    """rnnswap.swap_."""
    global _last
    _last = rnnswap.swap_(model, "janet", optimizer=optimizers)
    return _last.model


def as_janet(old: Any) -> nn.Module:
    """What a user would hand to a swapper that asks for a function."""
    if isinstance(old, nn.LSTMCell):
        return JANETCell(old.input_size, old.hidden_size, old.bias)
    return JANET(
        old.input_size, old.hidden_size, old.num_layers, old.bias, old.batch_first, old.dropout,
        old.bidirectional, old.proj_size,
    )  # fmt: skip


def composer(model: nn.Module, optimizers: Any = None) -> nn.Module:
    """composer.utils.module_surgery.replace_module_classes."""
    from composer.utils.module_surgery import replace_module_classes

    def policy(old: Any, index: int) -> nn.Module:  # noqa: ARG001  (composer's signature)
        return as_janet(old)

    replace_module_classes(
        model, policies={nn.LSTM: policy, nn.LSTMCell: policy}, optimizers=optimizers
    )
    return model


def torchao(model: nn.Module, optimizers: Any = None) -> nn.Module:
    """Torchao's replacement by filter, which its quantize_ uses."""
    from torchao.quantization.quant_api import _replace_with_custom_fn_if_matches_filter

    if optimizers:
        raise No("takes none")
    done: nn.Module = _replace_with_custom_fn_if_matches_filter(
        model, as_janet, lambda m, _: type(m) in (nn.LSTM, nn.LSTMCell)
    )
    return done


def opacus(model: nn.Module, optimizers: Any = None) -> nn.Module:
    """opacus.validators.ModuleValidator.fix, which works on a copy."""
    from opacus.validators import ModuleValidator

    if optimizers:
        raise No("takes none")
    done: nn.Module = ModuleValidator.fix(model)
    return done


#: Column, swapper, the distribution it comes with.
SWAPPERS = (
    ("rnnswap", ours, "rnnswap"),
    ("composer", composer, "mosaicml"),
    ("torchao", torchao, "torchao"),
    ("opacus", opacus, "opacus"),
)


def answer(situation: Callable[[Swapper], str], swap: Swapper) -> str:
    """Return what a swapper does in a situation: yes, with a word on how, or no, and why."""
    global _last
    _last = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            how = situation(swap)
        except No as no:
            return f"no: {no}"
        except Exception as error:
            return f"no: {type(error).__name__}: {str(error).splitlines()[0][:50]}"
    return f"yes, {how}" if how and swap is ours else "yes"


def main() -> None:
    """Ask everybody everything, and print the table."""
    present = []
    for column, swap, distribution in SWAPPERS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            present.append((f"{column} {importlib.metadata.version(distribution)}", swap))
    out = sys.stdout.write
    out("| situation | " + " | ".join(column for column, _ in present) + " |\n")
    out("|---|" + "---|" * len(present) + "\n")
    for situation in SITUATIONS:
        question = (situation.__doc__ or "").strip().rstrip(".")
        answers = [answer(situation, swap) for _, swap in present]
        out(f"| {question} | " + " | ".join(answers) + " |\n")


if __name__ == "__main__":
    main()
