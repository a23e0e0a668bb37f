"""Statistics of adaptive policies: each optimizer's own, saved and loaded with it."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from rnnswap.clip import PercentileClip, ZClip, attach, install, parse
from rnnswap.errors import ClipError

ADAPTIVE = ["percentile:40.0", "zclip:1.0,warmup=3", "norm:9.0;*weight*=percentile:40.0"]


def make(factory=torch.optim.Adam):
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    return model, factory(model.parameters(), lr=0.1)


def train(model, optimizer, numbers):
    for number in numbers:
        optimizer.zero_grad()
        generator = torch.Generator().manual_seed(number)
        x = torch.randn(4, 3, generator=generator) * (1 + 5 * (number % 3 == 0))
        model(x).square().sum().backward()
        optimizer.step()


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("how", [attach, install])
@pytest.mark.parametrize("policy", ADAPTIVE)
def test_resumed_run_continues_as_if_it_had_never_stopped(policy, how):
    def start():
        model, optimizer = make()
        if how is attach:
            return model, optimizer, attach(policy, optimizer)
        handle = install(policy)
        # Made after it, as by a script that is run under it.
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        return model, optimizer, handle

    model, optimizer, handle = start()
    with handle:
        train(model, optimizer, range(12))
        saved = through_a_file({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
        train(model, optimizer, range(12, 20))
    again, optimizer, handle = start()
    with handle:
        again.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        train(again, optimizer, range(12, 20))
    assert torch.equal(weights(again), weights(model))
    forgetful, optimizer, handle = start()
    with handle:
        forgetful.load_state_dict(saved["model"])
        optimizer.load_state_dict({k: v for k, v in saved["optimizer"].items() if "clip" not in k})
        train(forgetful, optimizer, range(12, 20))
    assert not torch.equal(weights(forgetful), weights(model))


def test_checkpoint_is_read_without_clipping_too():
    model, optimizer = make()
    with attach(ADAPTIVE[0], optimizer):
        train(model, optimizer, range(3))
        saved = through_a_file(optimizer.state_dict())
    assert "rnnswap_clip" not in optimizer.state_dict()
    make()[1].load_state_dict(saved)


def test_policies_without_statistics_leave_the_checkpoint_as_it_is():
    _, optimizer = make()
    with attach("norm:1.0", optimizer):
        assert set(optimizer.state_dict()) == {"state", "param_groups"}


def test_statistics_of_another_policy_are_not_taken():
    model, optimizer = make()
    with attach("percentile:40.0", optimizer):
        train(model, optimizer, range(3))
        saved = optimizer.state_dict()
    policy = ZClip(1.0)
    with attach(policy, optimizer), pytest.warns(UserWarning, match=r"percentile:40.0, not zclip"):
        optimizer.load_state_dict(saved)
    assert policy.state_dict()["count"] == 0


def test_installed_policy_has_statistics_for_each_optimizer_apart():
    policy = PercentileClip(0.0)
    with install(policy) as handle:
        for scale in (100.0, 1.0):
            parameter = nn.Parameter(torch.zeros(1))
            optimizer = torch.optim.SGD([parameter], lr=1.0)
            for _ in range(2):
                parameter.grad = torch.full((1,), scale)
                optimizer.step()
            assert handle.last.norm_after.item() == pytest.approx(scale)
    assert policy.state_dict()["count"] == 0


def test_attached_policy_object_holds_the_statistics_itself():
    policy = PercentileClip(50.0)
    model, optimizer = make()
    with attach(policy, optimizer):
        train(model, optimizer, range(5))
    assert policy.state_dict()["count"] == 5
    assert policy.state_dict()["norms"].tolist() == sorted(policy.state_dict()["norms"].tolist())


@pytest.mark.parametrize("text", ADAPTIVE)
def test_copies_go_on_with_the_statistics_and_fresh_ones_without(text):
    policy = parse(text)
    model, optimizer = make()
    with attach(policy, optimizer, model=model):
        train(model, optimizer, range(6))
    expected = policy.state_dict()
    for twin in (copy.deepcopy(policy), pickle.loads(pickle.dumps(policy))):
        torch.testing.assert_close(twin.state_dict(), expected, rtol=0, atol=0)
    other = policy.fresh()
    assert other == policy
    other.load_state_dict(expected)
    torch.testing.assert_close(other.state_dict(), expected, rtol=0, atol=0)


@pytest.mark.parametrize("text", ["norm:1.0", *ADAPTIVE])
def test_state_of_something_else_is_refused(text):
    with pytest.raises(ClipError, match=r"the state has momentum; was it saved by another"):
        parse(text).load_state_dict({"momentum": 1})


def test_deepcopied_optimizer_and_model_are_not_clipped_and_save_nothing_of_ours():
    _, optimizer = make()
    with attach("percentile:40.0", optimizer):
        twin = copy.deepcopy(optimizer)
        assert "rnnswap_clip" not in twin.state_dict()
        assert not twin._optimizer_step_pre_hooks
    pickle.loads(pickle.dumps(optimizer))
