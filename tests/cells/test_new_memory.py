"""What gets memory after construction is drawn: at to_empty, and where transformers loads a model.

conftest.py fills uninitialised memory with NaN, so that what nobody wrote shows.
"""

import contextlib
import sys
import types

import pytest
import torch
from cases import OWN_CELLS
from torch import nn

import rnnswap
from rnnswap.discovery import get_attention, get_cell, installed, list_attentions
from rnnswap.spec import load_target

STEPS = sorted(
    {
        spec.cell_target
        for spec in (installed().cells.get(name).spec for name in OWN_CELLS)
        if spec.cell_target is not None
    }
)


class Leaky(rnnswap.RecurrentLayer):
    """A cell given as one step."""

    gates = 1

    def step(self, gates_x, state, weights):
        return (0.9 * state[0] + torch.tanh(gates_x + state[0] @ weights["weight_hh"].t()),)


KINDS = {name: get_cell(name) for name in OWN_CELLS}
KINDS |= {target: load_target(target) for target in STEPS}
KINDS["one-step"] = Leaky
KINDS["batch-norm"] = lambda *a, **k: rnnswap.IndRNNv2(*a, num_layers=2, batch_norm=True, **k)
KINDS["chrono"] = lambda *a, **k: rnnswap.JANET(*a, t_max=50, layer_norm=True, **k)
ATTENTIVE = [rnnswap.with_attention(get_cell(n), m) for n in OWN_CELLS for m in ("soft", "self")]

each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def values(module):
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=0, msg=name)


def constructed(make, *sizes):
    torch.manual_seed(1)
    return make(*sizes)


@each_kind
def test_memory_given_later_holds_what_construction_draws(make):
    layer = make(4, 6, device="meta")
    torch.manual_seed(1)
    layer.to_empty(device="cpu")
    assert_same(values(layer), values(constructed(make, 4, 6)))


@each_kind
def test_a_layer_that_loses_its_memory_draws_anew(make):
    model = nn.Sequential(make(4, 6), nn.Linear(6, 2))
    torch.manual_seed(1)
    model.to_empty(device="cpu")
    assert_same(values(model[0]), values(constructed(make, 4, 6)))


@pytest.mark.parametrize("name", list_attentions())
def test_mechanisms_draw_too(name):
    kind = get_attention(name)
    module = kind(8, 8, device="meta")
    # One by one, as FSDP and Lightning go through a model.
    for part in [*module.modules()][1:]:
        part.to_empty(device="cpu", recurse=False).reset_parameters()
    module.to_empty(device="cpu", recurse=False)
    assert all(value.isfinite().all() for value in values(module).values())
    module.to_empty(device="cpu")
    assert all(value.isfinite().all() for value in values(module).values())


@pytest.mark.parametrize("kind", ATTENTIVE, ids=lambda kind: kind.__name__)
def test_attention_around_a_cell_draws_all_of_it(kind):
    layer = kind(4, 8, device="meta").to_empty(device="cpu")
    assert all(value.isfinite().all() for value in values(layer).values())


def test_conversions_draw_nothing():
    layer = rnnswap.JANET(4, 6)
    before = {name: value.clone() for name, value in values(layer).items()}
    state = torch.get_rng_state()
    layer.double().float().to("cpu").share_memory()
    assert_same(values(layer), before)
    rnnswap.JANET(4, 6, device="meta").double()
    assert torch.equal(torch.get_rng_state(), state)


def test_what_is_loaded_or_written_afterwards_stays():
    trained = rnnswap.IndRNN(4, 6)
    for assign in (False, True):
        layer = rnnswap.IndRNN(4, 6, device="meta").to_empty(device="cpu")
        layer.load_state_dict(trained.state_dict(), assign=assign)
        assert_same(values(layer), values(trained))
    layer = rnnswap.IndRNN(4, 6, device="meta").to_empty(device="cpu")
    nn.init.constant_(layer.weight_hh_l0, 0.25)
    assert layer.weight_hh_l0.eq(0.25).all()


def test_what_reset_parameters_does_not_write_is_named():
    class Forgetful(Leaky):
        def reset_parameters(self):
            nn.init.zeros_(self.weight_ih_l0)

    with pytest.warns(UserWarning, match=r"^weight_hh_l0, bias_ih_l0, bias_hh_l0 of Forgetful got"):
        layer = Forgetful(4, 6, device="meta").to_empty(device="cpu")
    assert layer.weight_hh_l0.isnan().all()
    layer = rnnswap.JANET(4, 6)
    nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    with pytest.warns(UserWarning, match=r"parametrizations\.weight_hh_l0\.original0"):
        layer.to_empty(device="cpu")


@contextlib.contextmanager
def transformers_pass(monkeypatch):
    """torch's functions as transformers >= 5 guards them while it initialises a model."""
    theirs = types.ModuleType("transformers.initialization")

    def guarded(plain):
        def function(tensor, *args, **kwargs):
            return tensor if is_done(tensor) else plain(tensor, *args, **kwargs)

        return function

    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "transformers.initialization", theirs)
        for name in ("uniform_", "zeros_", "ones_", "kaiming_uniform_", "xavier_uniform_"):
            setattr(theirs, name, guarded(getattr(nn.init, name)))
            patch.setattr(nn.init, name, getattr(theirs, name))
        yield


def is_done(something):
    return getattr(something, "_is_hf_initialized", False)


def loaded_by_transformers(model, checkpoint, monkeypatch, init_weights=lambda module: None):
    """What transformers 5.24 does with a model on the meta device, and a checkpoint."""
    for name, parameter in [*model.named_parameters(), *model.named_buffers()]:
        owner, _, last = name.rpartition(".")
        value = checkpoint.get(name, torch.empty_like(parameter, device="cpu"))
        model.get_submodule(owner).load_state_dict({last: value}, strict=False, assign=True)
        if name in checkpoint:
            model.get_parameter(name)._is_hf_initialized = True

    def initialise(module):
        if not is_done(module):
            init_weights(module)
            module._is_hf_initialized = True

    with torch.no_grad(), transformers_pass(monkeypatch):
        model.apply(initialise)
    return model


def plain_linear(module):
    if isinstance(module, nn.Linear | nn.BatchNorm1d):
        module.reset_parameters()


@each_kind
def test_transformers_loads_nothing_for_a_layer(make, monkeypatch):
    model = nn.ModuleList([make(4, 6, device="meta")])
    torch.manual_seed(1)
    loaded_by_transformers(model, {}, monkeypatch, plain_linear)
    found, expected = values(model[0]), values(constructed(make, 4, 6))
    drawn = [name for name in expected if "batch_norm" not in name]
    assert_same({n: found[n] for n in drawn}, {n: expected[n] for n in drawn})
    assert all(value.isfinite().all() for value in found.values())


@pytest.mark.parametrize("kind", ATTENTIVE, ids=lambda kind: kind.__name__)
def test_transformers_loads_nothing_for_attention(kind, monkeypatch):
    model = nn.ModuleList([kind(4, 8, device="meta")])
    loaded_by_transformers(model, {}, monkeypatch, plain_linear)
    assert all(value.isfinite().all() for value in values(model).values())


@each_kind
def test_transformers_keeps_every_tensor_that_it_loads(make, monkeypatch):
    names = [name for name, _ in make(4, 6).named_parameters()]
    for taken in (names, names[::2], names[1::2]):
        model = nn.ModuleList([make(4, 6, device="meta")])
        given = {f"0.{name}": p.detach() for name, p in make(4, 6).named_parameters()}
        given = {name: value for name, value in given.items() if name[2:] in taken}
        loaded_by_transformers(model, given, monkeypatch, plain_linear)
        found = values(model)
        assert_same({name: found[name] for name in given}, given)
        assert all(value.isfinite().all() for value in found.values())


def test_what_a_model_writes_in_its_own_init_weights_wins(monkeypatch):
    def init_weights(module):
        if isinstance(module, rnnswap.JANET):
            module.weight_hh_l0.data.fill_(0.5)  # past torch's count of writes
            module.bias_ih_l0[6:] = 3.0

    model = nn.ModuleList([rnnswap.JANET(4, 6, device="meta")])
    loaded_by_transformers(model, {}, monkeypatch, init_weights)
    assert model[0].weight_hh_l0.eq(0.5).all()
    assert model[0].bias_ih_l0.tolist() == [0.0] * 6 + [3.0] * 6


def test_a_models_init_weights_may_reset_a_layer_that_was_loaded(monkeypatch):
    trained = rnnswap.JANET(4, 6)
    nn.init.constant_(trained.bias_ih_l0, 0.25)
    given = {f"0.{name}": p.detach() for name, p in trained.named_parameters()}
    model = nn.ModuleList([rnnswap.JANET(4, 6, device="meta")])
    loaded_by_transformers(
        model, given, monkeypatch, lambda m: getattr(m, "reset_parameters", int)()
    )
    assert_same(values(model[0]), values(trained))


def test_reading_the_mark_outside_of_transformers_draws_nothing():
    layer = rnnswap.JANET(4, 6, device="meta")
    trained = {name: p.detach() for name, p in rnnswap.JANET(4, 6).named_parameters()}
    layer.load_state_dict(trained, assign=True)  # of version 0, as memory that nobody wrote
    assert layer._is_hf_initialized is False
    assert_same(values(layer), trained)
    layer._is_hf_initialized = True
    assert layer._is_hf_initialized is True
    del layer._is_hf_initialized
    assert layer._is_hf_initialized is False


def test_a_cell_that_is_an_nn_lstm_too_keeps_its_own_weights(monkeypatch):
    def init_weights(module):
        if isinstance(module, nn.LSTM):
            for parameter in module.parameters():
                nn.init.zeros_(parameter)

    with rnnswap.patched("janet", as_lstm=True):
        model = nn.ModuleList([nn.LSTM(4, 6, device="meta")])
    loaded = {"0.weight_hh_l0": torch.full((12, 6), 0.5)}
    loaded_by_transformers(model, loaded, monkeypatch, init_weights)
    assert model[0].weight_hh_l0.eq(0.5).all()
    assert model[0].bias_ih_l0.tolist() == [0.0] * 6 + [1.0] * 6
    assert model[0].weight_ih_l0.abs().sum() > 0
    assert model[0]._is_hf_initialized is True


class Gated(Leaky):
    """A cell whose gates do not read the state: its weight_hh has no columns."""

    def weight_shapes(self, layer):
        return super().weight_shapes(layer) | {"weight_hh": (self.hidden_size, 0)}

    def step(self, gates_x, state, weights):
        return (0.9 * state[0] + torch.tanh(gates_x),)

    def run_steps(self, gates_x, state, weights, lengths, reverse):
        return super().run_steps(gates_x, state, weights, lengths, reverse)


def test_a_parameter_without_elements_is_not_trained():
    """FSDP2 refuses the gradient of one."""
    layer = Gated(4, 6, bidirectional=True)
    fixed = [name for name, p in layer.named_parameters() if not p.requires_grad]
    assert fixed == ["weight_hh_l0", "weight_hh_l0_reverse"]
    torch.manual_seed(1)
    drawn = Gated(4, 6, device="meta").to_empty(device="cpu")
    assert_same(values(drawn), values(constructed(Gated, 4, 6)))
    layer(torch.randn(5, 2, 4))[0].sum().backward()
    assert layer.weight_hh_l0.grad is None


def test_a_class_keeps_what_its_base_declares_of_traces():
    class Blocks(Gated):
        unsupported = frozenset({"traced-length"})

    class Named(Blocks):
        pass

    assert "traced-length" not in Gated.unsupported  # it has a way of its own to run all steps
    assert "traced-length" in Named.unsupported
    assert "traced-length" in Leaky.unsupported
