"""One of the processes of the distributed checks: `python -m rnnswap.testing._worker`.

Trains a layer under DistributedDataParallel and under FSDP2, compares with training it alone on
the whole batch, initialises one that is sharded before it has memory, and writes {"ddp": failure,
"fsdp": failure, "fsdp_reset": failure}, empty where all went well.
"""

from __future__ import annotations

import copy
import datetime
import importlib
import json
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn

from rnnswap.testing._checks import CheckFailedError
from rnnswap.testing._compare import describe, require, require_same

_STEPS = 3
_ROWS = 2  # of the batch, for each process


class _Model(nn.Module):
    """A layer with a learned initial state, of which a cell may read only one half."""

    def __init__(self, cls: Any, options: dict[str, Any]) -> None:
        super().__init__()
        self.rnn: nn.Module = cls(3, 4, **options).double().eval()
        self.h_0 = nn.Parameter(torch.randn(1, 1, 4, dtype=torch.float64))
        self.c_0 = nn.Parameter(torch.randn(1, 1, 4, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean square of the output for x (T, B, 3)."""
        state = tuple(s.expand(-1, x.size(1), -1).contiguous() for s in (self.h_0, self.c_0))
        output: Tensor = self.rnn(x, state)[0]
        return output.square().mean()


def _train(model: Any, parameters: Any, x: Tensor) -> None:
    optimizer = torch.optim.SGD(parameters, lr=0.5)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        model(x).backward()
        optimizer.step()


def _ddp(model: nn.Module, alone: nn.Module, x: Tensor, own: Tensor) -> None:
    from torch.nn.parallel import DistributedDataParallel

    _train(DistributedDataParallel(model), model.parameters(), own)
    _train(alone, alone.parameters(), x)
    for (name, p), q in zip(model.named_parameters(), alone.parameters(), strict=True):
        require_same(p, q, f"{name} after {_STEPS} steps")


def _fsdp(model: nn.Module, alone: nn.Module, x: Tensor, own: Tensor) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh("cpu", (distributed.get_world_size(),))
    fully_shard(model.get_submodule("rnn"), mesh=mesh)
    fully_shard(model, mesh=mesh)
    _train(model, model.parameters(), own)
    _train(alone, alone.parameters(), x)
    for (name, p), q in zip(model.named_parameters(), alone.parameters(), strict=True):
        if q.numel():  # torch cannot gather nothing
            require_same(p.full_tensor(), q, f"{name} after {_STEPS} steps")  # type: ignore[attr-defined]


def _fsdp_reset(cls: Any, options: dict[str, Any]) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    one, other = (dict(cls(3, 4, **options).named_parameters()) for _ in range(2))
    layer = cls(3, 4, device="meta", **options)
    fully_shard(layer, mesh=init_device_mesh("cpu", (distributed.get_world_size(),)))
    layer.to_empty(device="cpu")
    layer.reset_parameters()
    for name, parameter in layer.named_parameters():
        if not parameter.numel():
            continue
        whole = parameter.full_tensor()
        require(bool(whole.isfinite().all()), f"expected finite {name}, got others")
        fixed = one[name] == other[name]  # what is drawn differs
        require_same(whole[fixed], one[name][fixed], f"constants of {name}")


def _trains_alike(wrapped: Callable[..., None], cls: Any, options: dict[str, Any]) -> None:
    rank, world = distributed.get_rank(), distributed.get_world_size()
    model = _Model(cls, options)
    x = torch.randn(5, world * _ROWS, 3, dtype=torch.float64)
    alone, untrained = copy.deepcopy(model), copy.deepcopy(model)
    wrapped(model, alone, x, x[:, rank * _ROWS : (rank + 1) * _ROWS])
    pairs = zip(alone.rnn.parameters(), untrained.rnn.parameters(), strict=True)
    trained = any(not torch.equal(now, before) for now, before in pairs)
    require(trained, f"expected the layer's parameters to change in {_STEPS} steps")


def _attempt(run: Callable[..., None], *args: Any) -> str:
    """Return what failed, or nothing."""
    torch.default_generator.manual_seed(0)
    try:
        run(*args)
    except CheckFailedError as failure:
        return str(failure)
    except Exception as error:  # it is the result
        return describe(error)
    return ""


def _load(module: str, name: str) -> Any:
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def main(task: str, rank: str, world: str) -> None:
    """Do what the pickled `task` says as process `rank` of `world`, and write the outcome."""
    warnings.simplefilter("ignore")
    target, options = pickle.loads(Path(task).read_bytes())
    result = Path(task).with_name(f"{rank}.json")
    try:
        cls = _load(*target)
    except (ImportError, AttributeError) as error:
        reason = f"another process cannot import {'.'.join(target)}: {describe(error)}"
        result.write_text(json.dumps({"skipped": reason}), "utf-8")
        return
    distributed.init_process_group(
        "gloo",
        init_method=Path(task).with_name("meeting").as_uri(),
        rank=int(rank),
        world_size=int(world),
        timeout=datetime.timedelta(seconds=60),
    )
    outcome = {
        "ddp": _attempt(_trains_alike, _ddp, cls, options),
        "fsdp": _attempt(_trains_alike, _fsdp, cls, options),
        "fsdp_reset": _attempt(_fsdp_reset, cls, options),
    }
    result.write_text(json.dumps(outcome), "utf-8")
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
