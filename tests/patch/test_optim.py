"""Optimizers follow a swap and its undo: groups, places, names, state, one or several of them."""

import pytest
import torch
from torch import nn

from rnnswap import JANET, SwapError, swap_
from rnnswap.patch._optim import replacing

X = torch.randn(3, 2, 4)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(4, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0])


def train(model, *optimizers):
    def closure():
        model.zero_grad()
        loss = model(X).square().sum()
        loss.backward()
        return loss

    for optimizer in optimizers:
        optimizer.step(closure)


def held(optimizer):
    return [[id(p) for p in group["params"]] for group in optimizer.param_groups]


def ids(module):
    return [id(p) for p in module.parameters()]


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "LBFGS"])
def test_training_goes_on_and_undo_gives_the_state_back(kind):
    model = Model()
    options = {"momentum": 0.9} if kind == "SGD" else {}
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=1e-3, **options)
    train(model, optimizer)
    before, state = held(optimizer), dict(optimizer.state)
    report = swap_(model, optimizer=optimizer)
    assert held(optimizer) == [ids(model)]
    weights = [p.detach().clone() for p in model.parameters()]
    train(model, optimizer)
    assert not any(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    report.undo()
    assert held(optimizer) == before
    assert all(optimizer.state[p] is state[p] for p in model.rnn.parameters() if p in state)
    train(model, optimizer)


def test_several_optimizers_and_groups_are_all_given_back():
    model = Model()
    first = torch.optim.Adam(model.rnn.parameters())
    second = torch.optim.SGD(
        [{"params": [model.rnn.bias_hh_l0, model.head.weight]}, {"params": [model.head.bias]}],
        momentum=0.9,
    )
    train(model, first, second)
    before = [held(first), held(second)]
    states = [dict(first.state), dict(second.state)]
    report = swap_(model, optimizer=(first, second, first))
    assert held(first) == [ids(model.rnn)]
    # The bias has the only place that its module has here.
    assert held(second) == [
        [id(model.rnn.bias_hh_l0), id(model.head.weight)],
        [id(model.head.bias)],
    ]
    train(model, first, second)
    report.undo()
    assert [held(first), held(second)] == before
    assert [dict(first.state), dict(second.state)] == states


def test_named_parameters_keep_their_names_beside_them():
    model = Model()
    optimizer = torch.optim.Adam(model.named_parameters())
    report = swap_(model, "indrnn", optimizer=optimizer, options={"layer_norm": True})
    (group,) = optimizer.param_groups
    # What has no namesake follows the last of its layer.
    named = dict(model.named_parameters())
    assert group["param_names"][:5] == [n for n in named if n.startswith("rnn.")]
    assert all(named[n] is p for n, p in zip(group["param_names"], group["params"], strict=True))
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == group["param_names"]
    report.undo()
    assert group["param_names"] == [n for n, _ in model.named_parameters()]


def test_undo_keeps_what_was_added_to_the_optimizer_since():
    model, more = Model(), nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters())
    report = swap_(model, optimizer=optimizer)
    optimizer.add_param_group({"params": more.parameters()})
    report.undo()
    assert held(optimizer) == [ids(model), ids(more)]


def test_swaps_of_different_layers_are_undone_in_any_order():
    model = nn.ModuleDict({"a": nn.LSTM(4, 6), "b": nn.LSTM(6, 6), "head": nn.Linear(6, 2)})
    optimizer = torch.optim.Adam(model.named_parameters())
    before, names = held(optimizer), list(optimizer.param_groups[0]["param_names"])
    options = {"layer_norm": True}
    first = swap_(model, where="a", optimizer=optimizer, options=options)
    second = swap_(model, where="b", optimizer=optimizer, options=options)
    first.undo()
    assert held(optimizer) == [ids(model)]
    assert optimizer.param_groups[0]["param_names"] == [n for n, _ in model.named_parameters()]
    second.undo()
    assert held(optimizer) == before
    assert optimizer.param_groups[0]["param_names"] == names


def test_a_parameter_without_successor_comes_back_to_its_place():
    model, bare = Model(), JANET(4, 6, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = held(optimizer)
    (change,) = replacing([optimizer], [(model.rnn, bare)])
    change.apply()
    assert held(optimizer) == [ids(bare) + ids(model.head)]
    change.restore()
    assert held(optimizer) == before
    change.restore()  # as after an apply that was cut short before it began
    assert held(optimizer) == before


def test_what_has_no_namesake_follows_one_that_an_optimizer_has():
    model = Model()
    model.rnn.bias_hh_l0.requires_grad_(False)
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), lr=0.1)
    swap_(model, optimizer=optimizer, options={"layer_norm": True})
    trained = [id(p) for p in model.parameters() if p.requires_grad]
    assert len(trained) == 7
    assert sorted(held(optimizer)[0]) == sorted(trained)


def test_schedulers_and_a_reloaded_optimizer_go_on():
    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    report = swap_(model, optimizer=optimizer)
    train(model, optimizer)
    schedule.step()
    optimizer.load_state_dict(optimizer.state_dict())
    report.undo()
    assert held(optimizer) == [ids(model)]
    assert optimizer.param_groups[0]["lr"] == 0.05
    train(model, optimizer)


@pytest.mark.filterwarnings(
    "ignore:optimizer contains a parameter group with duplicate:UserWarning"
)
def test_a_parameter_given_twice_stays_twice():
    model = Model()
    optimizer = torch.optim.SGD([*model.parameters(), model.rnn.weight_ih_l0], lr=0.1)
    report = swap_(model, optimizer=optimizer)
    assert held(optimizer) == [[*ids(model), id(model.rnn.weight_ih_l0)]]
    report.undo()
    assert held(optimizer) == [[*ids(model), id(model.rnn.weight_ih_l0)]]


def test_frozen_layers_need_no_optimizer():
    model = Model()
    model.rnn.requires_grad_(False)
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
    assert swap_(model, optimizer=optimizer).swapped
    assert held(optimizer) == [ids(model.head)]


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_an_optimizer_that_dealt_its_parameters_out_is_refused():
    from torch.distributed.optim import ZeroRedundancyOptimizer

    optimizer = ZeroRedundancyOptimizer.__new__(ZeroRedundancyOptimizer)
    with pytest.raises(SwapError, match="ZeroRedundancyOptimizer .* construct it after the swap"):
        swap_(Model(), optimizer=optimizer)
