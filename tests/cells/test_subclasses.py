"""Every class body that is accepted with nn.LSTM as its base is accepted with a cell, and runs."""

import abc
import dataclasses
import functools
import inspect
import pickle
import typing

import pytest
import torch
from torch import nn

from rnnswap import JANET, IndRNN, IndRNNCell, IndRNNv2, JANETCell, RecurrentLayer, with_attention
from rnnswap.cells._cell import RecurrentCell

LAYERS = [
    nn.LSTM,
    JANET,
    IndRNN,
    IndRNNv2,
    with_attention(JANET, "soft"),
    with_attention(nn.LSTM, "hard"),
]
CELLS = [nn.LSTMCell, JANETCell, IndRNNCell]
X = torch.zeros(3, 2, 4)


def required(base):
    class Encoder(base):
        def __init__(self, config):
            super().__init__(config["inputs"], config["units"])

    return Encoder, ({"inputs": 4, "units": 8},)


def other_names(base):
    class Encoder(base):
        def __init__(self, emb_dim, /, hidden_dim, *rest, scale, shift=0.0, **kwargs):
            super().__init__(emb_dim, hidden_dim, **kwargs)

    return functools.partial(Encoder, scale=2.0), (4, 8, "rest")


def only_keywords(base):
    class Encoder(base):
        def __init__(self, *, units):
            super().__init__(4, units)

    return functools.partial(Encoder, units=8), ()


def no_arguments(base):
    class Encoder(base):
        def __init__(self):
            super().__init__(4, 8)

    return Encoder, ()


def fixed_constructor(base):
    class Encoder(base):
        __init__ = functools.partialmethod(base.__init__, 4)

    return Encoder, (8,)


def dataclass(base):
    @dataclasses.dataclass(eq=False)
    class Encoder(base):
        units: int
        inputs: int = 4

        def __post_init__(self):
            base.__init__(self, self.inputs, self.units)

    return Encoder, (8,)


def own_new(base):
    class Encoder(base):
        def __new__(cls, *args):
            return super().__new__(cls)

    return Encoder, (4, 8)


def registered(base):
    class Registered:
        def __init_subclass__(cls, name, **kwargs):
            cls.name = name

    class Encoder(Registered, base, name="a"):
        pass

    class Last(base, Registered, name="b"):
        pass

    assert (Encoder.name, Last.name) == ("a", "b")
    Last(4, 8)
    return Encoder, (4, 8)


def generic(base):
    T = typing.TypeVar("T")

    class Encoder(base, typing.Generic[T]):
        pass

    return Encoder[int], (4, 8)


def abstract(base):
    class Encoder(abc.ABC, base):
        @abc.abstractmethod
        def decode(self): ...

    class Decoder(Encoder):
        def decode(self):
            return 1

    with pytest.raises(TypeError, match="abstract"):
        Encoder(4, 8)
    return Decoder, (4, 8)


def refusing_metaclass(base):
    class Frozen(type):
        def __setattr__(cls, name, value):
            raise TypeError("frozen")

    class Encoder(base, metaclass=Frozen):
        pass

    return Encoder, (4, 8)


def own_declaration(base):
    class Encoder(base):
        unsupported_ = "mine"
        output_size = "mine"

    return Encoder, (4, 8)


BODIES = [
    required,
    other_names,
    only_keywords,
    no_arguments,
    fixed_constructor,
    dataclass,
    own_new,
    registered,
    generic,
    abstract,
    refusing_metaclass,
    own_declaration,
]


@pytest.mark.parametrize("base", [*LAYERS, *CELLS])
@pytest.mark.parametrize("body", BODIES)
def test_any_class_body_runs_alike(base, body):
    kind, arguments = body(base)
    module = kind(*arguments)
    assert isinstance(module, base)
    single = issubclass(base, nn.RNNCellBase)
    output = module(X[0])[0] if single else module(X)[0]
    assert output.shape == ((2, 8) if single else (3, 2, 8))
    assert f"{type(module).__name__}(" in repr(module)


@pytest.mark.parametrize("base", [*LAYERS, *CELLS])
def test_the_signature_of_a_subclass_is_its_own(base):
    class Encoder(base):
        def __init__(self, *args, scale=1.0, **kwargs):
            super().__init__(*args, **kwargs)

    class Same(base):
        pass

    assert str(inspect.signature(Encoder)) == "(*args, scale=1.0, **kwargs)"
    assert inspect.signature(Same) == inspect.signature(base)
    # An instance is called with what its call takes.
    assert str(inspect.signature(Same(4, 8))) == "(*args, **kwargs)"


def test_a_class_with_attention_is_pickled_by_a_name_that_says_how_to_make_it():
    twice = with_attention(with_attention(JANET, "soft"), "hard", threshold=0.25)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(twice, protocol)) is twice
        assert type(pickle.loads(pickle.dumps(twice(4, 8), protocol))) is twice

    class Local(JANET):
        pass

    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(with_attention(Local, "soft"))


class WithAttention(with_attention(JANET, "soft")):
    """A subclass, which is pickled as itself and not as its base."""


def test_a_subclass_of_one_with_attention_is_pickled_as_itself():
    assert pickle.loads(pickle.dumps(WithAttention)) is WithAttention
    assert type(pickle.loads(pickle.dumps(WithAttention(4, 8)))) is WithAttention


def test_a_name_that_names_no_class_is_no_attribute():
    import rnnswap

    for name in ("with_attention_", "with_attention_xx", "with_attention__5b_5d"):
        assert not hasattr(rnnswap, name)


class Logged(nn.Module):
    def __init__(self, *, mark="made"):
        super().__init__()
        self.log = [mark]

    def __setattr__(self, name, value):
        self.__dict__.setdefault("names", []).append(name)
        super().__setattr__(name, value)


@pytest.mark.parametrize("base", [*LAYERS, *CELLS])
def test_a_base_beside_the_cell_is_made_and_sees_what_is_set(base):
    class Beside(base, Logged):
        pass

    class Before(Logged, base):
        def __init__(self, *args):
            base.__init__(self, *args)

    layer = Beside(4, 8)
    assert layer.log == ["made"]
    for module in (layer, Before(4, 8)):
        name = "weight_hh" if base in CELLS else "weight_hh_l0"
        setattr(module, name, nn.Parameter(getattr(module, name).data))
        assert name in module.names
        assert "hidden_size" in module.names


@pytest.mark.parametrize("base", [*LAYERS, *CELLS])
def test_the_text_of_a_layer_survives_what_a_subclass_makes_of_an_argument(base):
    class Scaled(base):
        def __init__(self, *args, scale=1.0, mode_=None, pair=(1, 2), seen="", **kwargs):
            super().__init__(*args, **kwargs)
            self.scale = nn.Parameter(torch.full((8,), scale))
            self.mode_, self.pair = torch.ones(2), (torch.ones(2), 1)

        @property
        def seen(self):
            raise RuntimeError("not yet")

    text = repr(Scaled(4, 8))
    assert text.startswith("Scaled(")
    assert "scale" not in text.splitlines()[0]


def test_the_text_has_the_options_of_all_bases():
    class Leaky(RecurrentLayer):
        gates = 1

        def __init__(self, *args, slope=0.1, **kwargs):
            super().__init__(*args, **kwargs)
            self.slope = slope

    assert repr(Leaky(4, 8, slope=0.2, zoneout=0.5)) == "Leaky(4, 8, zoneout=0.5, slope=0.2)"
    assert repr(Leaky(4, 8)) == "Leaky(4, 8)"


@pytest.mark.parametrize("kind", [JANET, IndRNN, IndRNNv2, JANETCell, IndRNNCell])
def test_the_attributes_of_a_cell_work_on_another_class(kind):
    base = RecurrentCell if issubclass(kind, RecurrentCell) else RecurrentLayer

    class Copied(base):
        pass

    for owner in reversed(kind.__mro__[: kind.__mro__.index(base)]):
        for name, value in vars(owner).items():
            if name not in ("__dict__", "__weakref__", "__module__"):
                setattr(Copied, name, value)
    layer, copied = kind(4, 8), Copied(4, 8)
    for mine, its in zip(copied.parameters(), layer.parameters(), strict=True):
        mine.data.copy_(its)
    x = X[0] if base is RecurrentCell else X
    assert torch.equal(copied(x + 1)[0], layer(x + 1)[0])
    copied.reset_parameters()
    assert repr(copied) == repr(layer).replace(kind.__name__, "Copied")
