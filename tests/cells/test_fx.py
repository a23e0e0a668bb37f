"""torch.fx and the tools that stand on it take a cell for one module, as they take nn.LSTM."""

import copy

import pytest
import torch
from torch import fx, nn

import rnnswap
from rnnswap.attention import MultiheadAttention


class Plain(rnnswap.RecurrentLayer):
    gates = 1

    def step(self, gates_x, state, weights):
        return (torch.tanh(gates_x + state[0] @ weights["weight_hh"].t()),)


class Tagger(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.conv = nn.Conv1d(4, 4, 1)
        self.norm = nn.BatchNorm1d(4)
        self.rnn = kind(4, 6, batch_first=True)
        self.out = nn.Linear(6, 2)

    def forward(self, x):
        x = self.norm(self.conv(x.transpose(1, 2))).transpose(1, 2)
        first, state = self.rnn(x)
        _, (h, _) = self.rnn(x, state)
        return self.out(first[:, -1] + h[-1])


class Decoder(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.cell = kind(4, 6)

    def forward(self, x, h, c):
        for _ in range(2):
            h, c = self.cell(x, (h, c))
        return h


class Attending(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module
        self.query = nn.Parameter(torch.randn(2, 8, 4))

    def forward(self, x):
        own, _ = self.module(x, x, x)
        return own + self.module(query=self.query, key=x, value=x, need_weights=False)[0]


LAYERS = {
    "nn.LSTM": nn.LSTM,
    "JANET": rnnswap.JANET,
    "IndRNN": rnnswap.IndRNN,
    "IndRNNv2": rnnswap.IndRNNv2,
    "one step": Plain,
    "attention": rnnswap.with_attention(rnnswap.JANET, "soft"),
    "attention of one step": rnnswap.with_attention(Plain, "hard"),
}


def calls(graph, target):
    return [n for n in graph.graph.nodes if n.op == "call_module" and n.target == target]


@pytest.mark.parametrize("kind", LAYERS.values(), ids=LAYERS)
def test_a_layer_is_one_node(kind):
    model = Tagger(kind).eval()
    graph = fx.symbolic_trace(model)
    assert len(calls(graph, "rnn")) == 2
    for size in ((2, 5, 4), (3, 7, 4)):
        x = torch.randn(size)
        assert torch.equal(graph(x), model(x))
    assert not any(n.target == "dim" for n in graph.graph.nodes)


@pytest.mark.parametrize("options", [{}, {"attention": "soft"}], ids=str)
@pytest.mark.parametrize("as_lstm", [False, True])
def test_a_layer_that_was_swapped_in_is_one_node(as_lstm, options):
    model = Tagger(nn.LSTM).eval()
    rnnswap.swap_(model, "indrnn", as_lstm=as_lstm, **options)
    nn.utils.parametrizations.weight_norm(model.rnn, "weight_ih_l0")
    graph, x = fx.symbolic_trace(model), torch.randn(2, 5, 4)
    assert len(calls(graph, "rnn")) == 2
    assert torch.equal(graph(x), model(x))


@pytest.mark.parametrize("kind", [nn.LSTMCell, rnnswap.JANETCell, rnnswap.IndRNNCell])
def test_a_single_step_is_one_node(kind):
    model = Decoder(kind)
    graph = fx.symbolic_trace(model)
    assert len(calls(graph, "cell")) == 2
    given = torch.randn(2, 4), torch.randn(2, 6), torch.randn(2, 6)
    assert torch.equal(graph(*given), model(*given))


@pytest.mark.parametrize("name", ["soft", "hard", "multihead", "feature"])
def test_a_mechanism_is_one_node(name):
    model = Attending(rnnswap.get_attention(name)(4, 4)).eval()
    graph = fx.symbolic_trace(model)
    assert len(calls(graph, "module")) == 2
    x = torch.randn(2, 8, 4)
    assert torch.equal(graph(x), model(x))


@pytest.mark.parametrize("kind", [nn.MultiheadAttention, MultiheadAttention])
def test_multihead_attention_is_one_node(kind):
    model = Attending(kind(4, 2)).eval()
    x = torch.randn(2, 8, 4)
    graph = fx.symbolic_trace(model)
    assert len(calls(graph, "module")) == 2
    assert torch.equal(graph(x), model(x))


def test_self_attention_is_one_node_whatever_it_is_given():
    model = nn.Sequential(rnnswap.get_attention("self")(4, 4))
    assert len(calls(fx.symbolic_trace(model), "0")) == 1


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("kind", LAYERS.values(), ids=LAYERS)
def test_tools_that_stand_on_it_run(kind):
    from torch.fx.experimental.optimization import fuse
    from torch.fx.passes.shape_prop import ShapeProp

    model, x = Tagger(kind).eval(), torch.randn(2, 5, 4)
    graph = fx.symbolic_trace(model)
    ShapeProp(graph).propagate(x)
    (shape,) = {tuple(n.meta["tensor_meta"].shape) for n in graph.graph.nodes if n.op == "output"}
    assert shape == (2, 2)
    torch.testing.assert_close(fuse(copy.deepcopy(model))(x), model(x))


@pytest.fixture
def _any_algorithm():
    """Quantisation has no other than algorithms that torch calls not deterministic."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    yield
    torch.use_deterministic_algorithms(before)


@pytest.mark.usefixtures("_any_algorithm")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # torch's own
@pytest.mark.parametrize("kind", [nn.LSTM, rnnswap.JANET, rnnswap.IndRNN])
def test_prepare_fx_leaves_the_layer_where_it_is(kind):
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    model, x = Tagger(kind).eval(), torch.randn(2, 5, 4)
    mapping = get_default_qconfig_mapping("x86").set_object_type(kind, None)
    prepared = prepare_fx(copy.deepcopy(model), mapping, (x,))
    prepared(x)
    converted = convert_fx(prepared)
    assert type(converted.rnn) is kind
    assert (converted(x) - model(x)).abs().max() < 0.1


def test_a_subclass_with_a_forward_of_its_own_is_looked_into_as_a_subclass_of_nn_lstm():
    for base in (nn.LSTM, rnnswap.JANET):

        class Own(base):
            def forward(self, x):
                return super().forward(x)[0]

        with pytest.raises(fx.proxy.TraceError):
            fx.symbolic_trace(nn.Sequential(Own(4, 6)))


@pytest.mark.parametrize("kind", [nn.LSTM, rnnswap.JANET, Plain, LAYERS["attention"]])
def test_a_layer_alone_is_not_traced(kind):
    with pytest.raises(fx.proxy.TraceError):
        fx.symbolic_trace(kind(4, 6))
