"""Measure every clipping policy in every situation, and print docs/clipping.md's table.

    python docs/clip_situations.py               the table, from gradients measured now, 10 seconds
    python docs/clip_situations.py --write       put it into docs/clipping.md

One model, whose true gradient is the same in all situations: (30, -40) in the row of `weight` that
is shown, zero in the other row, (0, 120) in `bias`; the norm is 130. A cell holds what is in
`.grad` when the optimizer has made its step, and what clip_expected.py works out by hand:
"measured / expected". Where they differ by more than a relative 1e-6 the cell says so, and the
script ends with code 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from clip_expected import BEFORE, BIAS, DISTRIBUTED, RANKS, SCALE, WEIGHT, expected
from clip_optimizers import Copies, Counting, Finishing
from torch import Tensor, nn

import rnnswap.clip

GUIDE = Path(__file__).with_name("clipping.md")
BEGIN, END = "<!-- clip_situations.py: begin -->", "<!-- clip_situations.py: end -->"
POLICIES = (
    "none",
    "value:5",
    "range:-1,5",
    "hook:-1,5",
    "norm:13",
    "norm:12,p=inf",
    "layer-norm:5",
    "agc:1",
    "percentile:50",
    "zclip:2,warmup=2",
)
SITUATIONS = (
    "plain",
    "AMP",
    "fused AMP",
    "accumulation",
    "DDP",
    "DDP, no_sync",
    "FSDP2",
    "LBFGS",
    "NaN, warn",
    "NaN, skip",
    "finished in the step",
    "steps copies",
    "resumed",
    "two optimizers",
    "two together",
    "within backward",
)


class Model(nn.Module):
    """Linear in its parameters, so that its input is its gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[3.0, 4.0], [1.0, 1.0]]).double())
        self.bias = nn.Parameter(torch.ones(2).double())

    def forward(self, size: float, bad: float = 0.0) -> Tensor:
        """Return a loss whose gradient is `size` times the true one, plus `bad` in one element."""
        slope = torch.tensor(WEIGHT, dtype=torch.float64) * size
        slope[0, 0] += bad
        return (self.weight * slope).sum() + (self.bias * torch.tensor(BIAS) * size).sum()


def trained(policy: str, optimizer: Any, step: Callable[[float], None]) -> Any:
    """Make the steps before, then the one that is looked at; return the handle."""
    handle = rnnswap.clip.attach(policy, optimizer, measure=True)
    for size in (*BEFORE, 1.0):
        optimizer.zero_grad()
        step(size)
    return handle


def sgd(model: nn.Module, **options: Any) -> torch.optim.Optimizer:
    """Return an optimizer that moves nothing: the weights are to stay what they are."""
    return torch.optim.SGD(model.parameters(), lr=0.0, **options)


def run_plain(model: Any, policy: str) -> Any:
    """Backward and step."""
    optimizer = sgd(model)

    def step(size: float) -> None:
        model(size).backward()
        optimizer.step()

    return trained(policy, optimizer, step)


def run_amp(model: Any, policy: str, *, fused: bool = False) -> Any:
    """Under a GradScaler."""
    optimizer, scaler = sgd(model, fused=fused), torch.amp.GradScaler("cpu", init_scale=SCALE)

    def step(size: float) -> None:
        scaler.scale(model(size)).backward()
        scaler.step(optimizer)
        scaler.update()

    return trained(policy, optimizer, step)


def run_fused(model: Any, policy: str) -> Any:
    """Under a GradScaler with an optimizer that unscales in its step."""
    return run_amp(model, policy, fused=True)


def run_accumulation(model: Any, policy: str) -> Any:
    """Four backwards for a step."""
    optimizer = sgd(model)

    def step(size: float) -> None:
        for _ in range(4):
            model(size / 4).backward()
        optimizer.step()

    return trained(policy, optimizer, step)


def run_lbfgs(model: Any, policy: str) -> Any:
    """A closure, evaluated once."""
    optimizer: Any = torch.optim.LBFGS(model.parameters(), lr=0.0, max_iter=1)

    def step(size: float) -> None:
        def closure() -> Any:
            optimizer.zero_grad()
            loss: Any = model(size)
            loss.backward()
            return loss

        optimizer.step(closure)

    return trained(policy, optimizer, step)


def run_nan(model: Any, policy: str, *, how: Any) -> Any:
    """A NaN in one element, before the step that is looked at and in it."""
    optimizer: Any = Counting(model.parameters(), lr=0.0)
    handle = rnnswap.clip.attach(policy, optimizer, on_nonfinite=how, measure=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for size, bad in [(BEFORE[0], 0.0), (1.0, math.nan), (BEFORE[1], 0.0), (1.0, math.nan)]:
            optimizer.zero_grad()
            model(size, bad).backward()
            optimizer.step()
    assert handle.nonfinite == 2
    assert optimizer.param_groups[0]["steps"] == (2 if how == "skip" else 4)
    return handle


def run_finishing(model: Any, policy: str, *, kind: Any = Finishing) -> Any:
    """With an optimizer whose step finishes the gradients."""
    optimizer = kind(model.parameters())

    def step(size: float) -> None:
        model(size * SCALE).backward()
        optimizer.step()

    return trained(policy, optimizer, step)


def run_resumed(model: Any, policy: str) -> Any:
    """From a checkpoint by torch.distributed.checkpoint.state_dict, before the step looked at."""
    from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict

    saved: Any = None
    for sizes, own in ((BEFORE, Model()), ((1.0,), model)):
        optimizer = sgd(own)
        handle = rnnswap.clip.attach(policy, optimizer, measure=True)
        if saved is not None:
            weights, state = saved
            set_state_dict(own, optimizer, model_state_dict=weights, optim_state_dict=state)
        for size in sizes:
            optimizer.zero_grad()
            own(size).backward()
            optimizer.step()
        if own is not model:
            saved = get_state_dict(own, optimizer)
    return handle


def run_two(model: Any, policy: str, *, together: bool = False) -> Any:
    """With an optimizer for the weight and one for the bias."""
    optimizers = [torch.optim.SGD([p], lr=0.0) for p in (model.weight, model.bias)]
    groups: list[Any] = [optimizers] if together else optimizers
    handle, *_ = [rnnswap.clip.attach(policy, group, measure=True) for group in groups]
    for size in (*BEFORE, 1.0):
        model.zero_grad()
        model(size).backward()
        for optimizer in optimizers:
            optimizer.step()
    return handle


def run_within_backward(model: Any, policy: str) -> Any:
    """With an optimizer for each parameter, which steps as soon as the gradient is there."""
    optimizers = {p: torch.optim.SGD([p], lr=0.0) for p in (model.weight, model.bias)}
    handle, *_ = [rnnswap.clip.attach(policy, o, measure=True) for o in optimizers.values()]
    for parameter in optimizers:
        parameter.register_post_accumulate_grad_hook(lambda p: optimizers[p].step())
    for size in (*BEFORE, 1.0):
        model.zero_grad()
        model(size).backward()
    return handle


def run_distributed(model: Any, policy: str, situation: str) -> Any:
    """As one of two processes."""
    optimizer, own = sgd(model), RANKS[dist.get_rank()]

    def step(size: float) -> None:
        halves = 2 if situation == "DDP, no_sync" else 1
        for number in range(halves):
            last = number == halves - 1
            with contextlib.nullcontext() if last else model.no_sync():
                model(own * size / halves).backward()
        optimizer.step()

    return trained(policy, optimizer, step)


def shown_gradient(model: Any) -> list[float] | None:
    """Return the row of the weight's gradient that is shown."""
    grad = model.weight.grad
    if grad is None:
        return None
    values: list[float] = (grad.full_tensor() if hasattr(grad, "full_tensor") else grad)[0].tolist()
    return values


RUNS: dict[str, Callable[[Any, str], Any]] = {
    "plain": run_plain,
    "AMP": run_amp,
    "fused AMP": run_fused,
    "accumulation": run_accumulation,
    "LBFGS": run_lbfgs,
    "NaN, warn": lambda model, policy: run_nan(model, policy, how="warn"),
    "NaN, skip": lambda model, policy: run_nan(model, policy, how="skip"),
    "finished in the step": run_finishing,
    "steps copies": lambda model, policy: run_finishing(model, policy, kind=Copies),
    "resumed": run_resumed,
    "two optimizers": run_two,
    "two together": lambda model, policy: run_two(model, policy, together=True),
    "within backward": run_within_backward,
}


def measure_alone() -> dict[str, Any]:
    """Return gradient and norm of each policy in the situations of one process."""
    found: dict[str, Any] = {}
    for policy in POLICIES:
        for situation, run in RUNS.items():
            model = Model()
            handle = run(model, policy)
            norm = float(handle.last.norm_before)
            found[f"{policy} | {situation}"] = (shown_gradient(model), norm)
    return found


def measure_as_rank(rank: int, folder: Path) -> None:
    """Measure the distributed situations as one of two processes; the first writes them down."""
    from torch.distributed.fsdp import fully_shard
    from torch.nn.parallel import DistributedDataParallel

    where = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=where, rank=rank, world_size=2)
    found: dict[str, Any] = {}
    for policy in POLICIES:
        for situation in DISTRIBUTED:
            inner: Any = Model()
            if situation == "FSDP2":
                model: Any = fully_shard(inner, mesh=mesh())
            else:
                model = DistributedDataParallel(inner)
            handle = run_distributed(model, policy, situation)
            norm = float(handle.last.norm_before)
            found[f"{policy} | {situation}"] = (shown_gradient(inner), norm)
    found["lstm | DDP"] = (None, lstm_norm(DistributedDataParallel))
    found["lstm | FSDP2"] = (None, lstm_norm(lambda model: fully_shard(model, mesh=mesh())))
    found["lstm | plain"] = (None, lstm_norm(None))
    if rank == 0:
        (folder / "found.json").write_text(json.dumps(found))
    dist.destroy_process_group()


def mesh() -> Any:
    """Return the two processes as FSDP2 wants them."""
    from torch.distributed.device_mesh import init_device_mesh

    return init_device_mesh("cpu", (2,))


@contextlib.contextmanager
def two_processes() -> Iterator[Callable[[], dict[str, Any]]]:
    """Start them; what is yielded waits for what they found."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--folder", folder, "--rank"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        ranks = [subprocess.Popen([*command, str(rank)], env=environment) for rank in range(2)]

        def result() -> dict[str, Any]:
            for process in ranks:
                if process.wait(timeout=300):
                    sys.exit("a process of the distributed situations failed")
            found: dict[str, Any] = json.loads((Path(folder) / "found.json").read_text())
            return found

        yield result


def agree(a: list[float] | None, b: list[float] | None) -> bool:
    """Whether two gradients are the same to a relative 1e-6."""
    if a is None or b is None:
        return a is b
    pairs = zip(a, b, strict=True)
    return all(math.isclose(x, y, rel_tol=1e-6) or (x != x and y != y) for x, y in pairs)


def in_words(gradient: list[float] | None) -> str:
    """Return a gradient as a cell of the table shows it."""
    if gradient is None:
        return "no step"
    return ", ".join(f"{v:.4g}" for v in gradient)


def table(found: dict[str, Any]) -> tuple[str, bool]:
    """Return the table, and whether all is as expected."""
    lines = [f"| | {' | '.join(SITUATIONS)} |", f"|---|{'---|' * len(SITUATIONS)}"]
    good = True
    for policy in POLICIES:
        cells = []
        for situation in SITUATIONS:
            measured, should = found[f"{policy} | {situation}"][0], expected(policy, situation)
            good &= agree(measured, should)
            differs = "" if agree(measured, should) else " **differs**"
            cells.append(f"{in_words(measured)} / {in_words(should)}{differs}")
        lines.append(f"| `{policy}` | {' | '.join(cells)} |")
    return "\n".join(lines), good


def lstm_norm(wrap: Callable[[nn.Module], Any] | None) -> float:
    """Return the norm of an LSTM's gradients in float32: alone on a batch, or wrapped on a half."""
    torch.manual_seed(0)
    model, batch = nn.LSTM(5, 16), torch.randn(9, 8, 5)
    wrapped: Any = model if wrap is None else wrap(model)
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=0.0)
    handle: Any = rnnswap.clip.attach("norm:1", optimizer)
    own = batch if wrap is None else batch.chunk(2, dim=1)[dist.get_rank()]
    wrapped(own)[0].square().mean().backward()
    optimizer.step()
    return float(handle.last.norm_before)


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="put the table into the guide")
    parser.add_argument("--rank", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.rank is not None:
        measure_as_rank(arguments.rank, arguments.folder)
        return
    with two_processes() as distributed:
        found = measure_alone() | distributed()
    text, good = table(found)
    lines = [text, ""]
    for situation in ("DDP", "FSDP2"):
        norm, alone = (found[f"lstm | {s}"][1] for s in (situation, "plain"))
        difference = abs(norm / alone - 1)
        good &= difference < 1e-6
        lines.append(f"{situation}: the norm of an LSTM's gradients differs by {difference:.1e}")
        lines.append("from that of one process on the same batch (float32).")
    sys.stdout.write("\n".join([*lines, ""]))
    if arguments.write:
        before, _, rest = GUIDE.read_text("utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        GUIDE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")
    sys.exit(not good)


if __name__ == "__main__":
    main()
