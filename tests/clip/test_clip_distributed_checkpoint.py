"""Statistics of adaptive policies go through torch.distributed.checkpoint, as in its recipes."""

import copy
import os
import subprocess
import sys

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    get_state_dict,
    set_optimizer_state_dict,
    set_state_dict,
)

from rnnswap.clip import attach, install
from rnnswap.training.record import Recorder

ADAPTIVE = ["percentile:40.0", "zclip:1.0,warmup=3", "norm:9.0;*weight*=percentile:40.0"]
OPTIONS = {
    "as it is": StateDictOptions(),
    "flat": StateDictOptions(flatten_optimizer_state_dict=True),
    "full": StateDictOptions(full_state_dict=True, cpu_offload=True),
    "not strict": StateDictOptions(strict=False),
}
#: dcp says that there is no process group, and reads storages in torch's old way.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.distributed is.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:TypedStorage is deprecated:UserWarning"),
]


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.1)


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.01)


def momentum(parameters):
    weight, bias = parameters
    groups = [{"params": [bias], "lr": 0.02}, {"params": [weight]}]
    return torch.optim.SGD(groups, lr=0.01, momentum=0.9)


def start(make, policy):
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = make([*model.parameters()])
    return model, optimizer, attach(policy, optimizer, model=model)


def train(model, optimizer, numbers):
    for number in numbers:
        optimizer.zero_grad()
        generator = torch.Generator().manual_seed(number)
        x = torch.randn(4, 3, generator=generator) * (1 + 5 * (number % 3 == 0))
        model(x).square().sum().backward()
        optimizer.step()
    optimizer.zero_grad()


def through_memory(saved, template, _):
    return copy.deepcopy(saved)


def through_files(saved, template, folder):
    dcp.save(saved, checkpoint_id=folder, no_dist=True)
    dcp.load(template, checkpoint_id=folder, no_dist=True)
    return template


@pytest.mark.parametrize("through", [through_memory, through_files])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("make", [adam, sgd, momentum])
@pytest.mark.parametrize("policy", ADAPTIVE)
def test_resumed_run_continues_as_if_it_had_never_stopped(tmp_path, policy, make, options, through):
    if make is sgd and options == "full":
        pytest.skip("torch loads no full state of an optimizer that has none")
    options = OPTIONS[options]
    model, optimizer, handle = start(make, policy)
    train(model, optimizer, range(300 if through is through_files else 12))
    weights, state = get_state_dict(model, optimizer, options=options)
    saved = copy.deepcopy({"model": weights, "optimizer": state})
    statistics = copy.deepcopy(handle.policy.state_dict())
    train(model, optimizer, range(300, 310))
    again, optimizer, handle = start(make, policy)
    weights, state = get_state_dict(again, optimizer, options=options)
    saved = through(saved, {"model": weights, "optimizer": state}, tmp_path)
    set_state_dict(
        again,
        optimizer,
        model_state_dict=saved["model"],
        optim_state_dict=saved["optimizer"],
        options=options,
    )
    torch.testing.assert_close(handle.policy.state_dict(), statistics, rtol=0, atol=0)
    train(again, optimizer, range(300, 310))
    for mine, theirs in zip(again.parameters(), model.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("options", OPTIONS)
def test_two_optimizers_of_one_model_each_get_their_own(options):
    options = OPTIONS[options]

    def start():
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        optimizers = [torch.optim.Adam([p], lr=0.1) for p in model.parameters()]
        return model, optimizers, [attach("percentile:40", o) for o in optimizers]

    model, optimizers, handles = start()
    for number, optimizer in enumerate(optimizers):
        for _ in range(3 + number):
            model(torch.randn(4, 3)).square().sum().backward()
            optimizer.step()
    saved = copy.deepcopy(get_optimizer_state_dict(model, optimizers, options=options))
    expected = [handle.policy.state_dict() for handle in handles]
    assert [int(state["count"]) for state in expected] == [3, 4]
    model, optimizers, handles = start()
    set_optimizer_state_dict(model, optimizers, saved, options=options)
    found = [handle.policy.state_dict() for handle in handles]
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("options", OPTIONS)
def test_checkpoint_goes_both_ways_between_runs_with_and_without_clipping(options):
    options = OPTIONS[options]
    model, optimizer, handle = start(adam, "percentile:40")
    train(model, optimizer, range(5))
    with_ours = copy.deepcopy(get_optimizer_state_dict(model, optimizer, options=options))
    handle.detach()
    without = copy.deepcopy(get_optimizer_state_dict(model, optimizer, options=options))
    assert "rnnswap" not in repr(without)
    if options.full_state_dict:
        # torch takes no option from a full state that the optimizer has not; see the guide.
        with pytest.raises(KeyError, match="rnnswap_clip"):
            set_optimizer_state_dict(model, optimizer, copy.deepcopy(with_ours), options=options)
        del with_ours["param_groups"][0]["rnnswap_clip"]
    set_optimizer_state_dict(model, optimizer, with_ours, options=options)
    optimizer.step()
    with attach("percentile:40", optimizer) as handle:
        set_optimizer_state_dict(model, optimizer, without, options=options)
        assert int(handle.policy.state_dict()["count"]) == 0


def test_step_that_torch_makes_to_have_a_state_is_not_counted_nor_clipped():
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer, recorder = adam(model.parameters()), Recorder(max_steps=1)
    with recorder, install("percentile:40", recorder.on_clip) as handle:
        get_state_dict(model, optimizer)
        assert handle.last is None
    assert recorder.summary().steps == 0


RANK = """
import copy, sys
import torch, torch.distributed as dist, torch.distributed.checkpoint as dcp
from torch import nn
from torch.distributed.checkpoint.state_dict import *
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from rnnswap.clip import attach

rank, folder, flat = int(sys.argv[1]), sys.argv[2], sys.argv[3]
dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
mesh = init_device_mesh("cpu", (2,))
options = StateDictOptions(
    flatten_optimizer_state_dict=flat == "flat",
    full_state_dict=flat == "broadcast",
    broadcast_from_rank0=flat == "broadcast",
    cpu_offload=flat == "broadcast",
)

def start():
    torch.manual_seed(0)
    model = fully_shard(nn.Linear(4, 2), mesh=mesh)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    return model, optimizer, attach("norm:9.0;*weight*=percentile:40", optimizer)

def train(model, optimizer, numbers):
    for number in numbers:
        optimizer.zero_grad()
        torch.manual_seed(2 * number + rank)
        model(torch.randn(4, 4) * (1 + 5 * (number % 3 == 0))).square().sum().backward()
        optimizer.step()
    optimizer.zero_grad()

def state(model, optimizer):
    weights, own = get_state_dict(model, optimizer, options=options)
    return {"model": weights, "optimizer": own}

model, optimizer, handle = start()
train(model, optimizer, range(300))
saved = copy.deepcopy(state(model, optimizer))
if flat != "broadcast":
    dcp.save(saved, checkpoint_id=f"{folder}/saved")
train(model, optimizer, range(300, 305))
again, optimizer, handle = start()
if flat != "broadcast":
    saved = state(again, optimizer)
    dcp.load(saved, checkpoint_id=f"{folder}/saved")
elif rank:
    saved = {"model": {}, "optimizer": {}}
set_model_state_dict(again, saved["model"], options=options)
set_optimizer_state_dict(again, optimizer, saved["optimizer"], options=options)
assert int(handle.policy.state_dict()["*weight*"]["count"]) == 300
train(again, optimizer, range(300, 305))
for mine, theirs in zip(again.parameters(), model.parameters(), strict=True):
    assert torch.equal(mine.full_tensor(), theirs.full_tensor())
dist.destroy_process_group()
"""


@pytest.mark.parametrize("how", ["as it is", "flat", "broadcast"])
def test_two_processes_of_fsdp2_resume_alike(tmp_path, how):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", RANK]
    ranks = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path), how],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    errors = [rank.communicate(timeout=100)[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], errors
