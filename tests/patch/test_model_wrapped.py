"""swap_ on models that something else has a hold of: wrappers, compilers, TorchScript, meta."""

import sys

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.nn.parallel import DistributedDataParallel

from rnnswap import JANET, NoEffectWarning, SwapError, swap_


class Model(nn.Module):
    def __init__(self, rnn=None):
        super().__init__()
        self.rnn = nn.LSTM(4, 6) if rnn is None else rnn
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0])


class LSTM(nn.Module):
    """Not torch's."""

    def forward(self, x):
        return x


@pytest.fixture
def process_group(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # torch puts its own there for good
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def refused(model, words):
    before = list(model.modules())
    with pytest.raises(SwapError, match=words):
        swap_(model)
    assert all(a is b for a, b in zip(model.modules(), before, strict=True))


@pytest.mark.usefixtures("process_group")
def test_what_distributed_data_parallel_holds_is_refused_from_without_and_from_within():
    wrapped = DistributedDataParallel(Model())
    refused(wrapped, "the model is wrapped in DistributedDataParallel.*: swap first, then wrap")
    refused(nn.Sequential(wrapped), "^0 is wrapped in DistributedDataParallel")
    refused(wrapped.module, "^rnn is wrapped in DistributedDataParallel.*: swap first, then wrap")
    assert swap_(Model()).swapped  # another model is nobody's


@pytest.mark.usefixtures("process_group")
@pytest.mark.filterwarnings("ignore:FSDP is switching to use:UserWarning")
def test_what_fsdp_holds_is_refused():
    mesh = init_device_mesh("cpu", (1,))
    refused(fully_shard(Model(), mesh=mesh), "the model is wrapped in FSDPModule")
    part = Model()
    fully_shard(part.rnn, mesh=mesh)
    refused(part, "^rnn is wrapped in FSDPModule")
    inside = Model()
    fully_shard(inside, mesh=mesh)
    refused(inside.rnn, "the parameters of the model are sharded")
    old = FullyShardedDataParallel(Model(), device_id=torch.device("cpu"))
    refused(old, "the model is wrapped in FullyShardedDataParallel")


def test_data_parallel_holds_no_parameters():
    wrapped = nn.DataParallel(Model())
    assert [s.path for s in swap_(wrapped).swapped] == ["module.rnn"]
    assert wrapped(torch.randn(3, 2, 4)).shape == (3, 2, 2)


def test_a_compiled_model_is_swapped_inside_and_compiles_anew():
    model, x = Model(), torch.randn(3, 2, 4)
    compiled = torch.compile(model, backend="eager")
    compiled(x)
    report = swap_(compiled)
    assert report.model is compiled
    assert [s.path for s in report.swapped] == ["rnn"]
    assert str(report).endswith("its next call compiles it anew")
    assert torch.equal(compiled(x), model(x))
    first = compiled(x)
    swap_(compiled, "janet", source="janet", attention="soft")
    assert not torch.equal(compiled(x), first)
    assert torch.equal(compiled(x), model(x))


def test_models_compiled_in_place_or_in_part_say_so():
    x = torch.randn(3, 2, 4)
    model, part = Model(), Model()
    model.compile(backend="eager")
    mixed = nn.Sequential(torch.compile(part, backend="eager"), nn.ReLU())
    for whole, inside, name in ((model, model, "the model"), (mixed, part, "0")):
        whole(x)
        report = swap_(whole)
        assert report.notes == [f"{name} is compiled: its next call compiles it anew"]
        assert torch.equal(inside(x), inside.head(inside.rnn(x)[0]))
    assert swap_(nn.ModuleList([Model(), torch.compile(nn.ReLU(), backend="eager")])).notes == []


def test_a_layer_that_was_compiled_by_itself_is_left():
    for model in (Model(torch.compile(nn.LSTM(4, 6), backend="eager")), Model()):
        if isinstance(model.rnn, nn.LSTM):
            model.rnn.compile(backend="eager")
        with pytest.warns(NoEffectWarning, match="1 left, the first: rnn.*, compiled by itself"):
            report = swap_(model)
        assert [m.reason for m in report.left] == [
            "compiled by itself: swap the original, then compile again"
        ]


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_what_torchscript_compiled_is_left_and_reported():
    scripted = torch.jit.script(Model())
    traced = torch.jit.trace(nn.LSTM(4, 6), torch.randn(3, 2, 4))
    strange = torch.jit.script(LSTM())
    model = nn.ModuleDict(
        {"scripted": scripted, "traced": traced, "strange": strange, "own": Model()}
    )
    report = swap_(model)
    assert [s.path for s in report.swapped] == ["own.rnn"]
    assert [(m.path, m.reason.partition(":")[0]) for m in report.left] == [
        ("scripted.rnn", "compiled by TorchScript"),
        ("traced", "compiled by TorchScript"),
    ]
    assert "LSTM" in str(report)


@pytest.mark.parametrize("weights", ["fresh", "transfer"])
def test_meta_device_and_mixed_dtypes(weights):
    model = nn.ModuleList(
        [
            nn.LSTM(4, 6, device="meta"),
            nn.LSTM(4, 6, dtype=torch.bfloat16),
            nn.LSTM(4, 6, dtype=torch.float64),
        ]
    )
    with torch.no_grad():
        model[2].bias_ih_l0.data = model[2].bias_ih_l0.data.float()
    swap_(model, weights=weights)
    meta, low, mixed = model
    assert {p.device.type for p in meta.parameters()} == {"meta"}
    assert {p.dtype for p in low.parameters()} == {torch.bfloat16}
    assert mixed.bias_ih_l0.dtype == torch.float32
    assert mixed.weight_ih_l0.dtype == torch.float64
    assert {type(m) for m in model} == {JANET}
