"""Checks of single-step cells, which stand where nn.LSTMCell stands."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from rnnswap.spec import load_target
from rnnswap.testing._autograd import move_off_zero
from rnnswap.testing._checks import CELL, CheckSkippedError, check
from rnnswap.testing._compare import (
    nan_in_new_memory,
    require,
    require_all_same,
    require_equal,
    require_none,
    require_same_error,
    require_written,
)
from rnnswap.testing._report import BEYOND
from rnnswap.testing._subject import H, I, Subject
from rnnswap.testing._types import require_close_to_float64

_NAMES = ("h", "c")
_ROWS = 4


def _inputs(*, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(_ROWS, I, dtype=dtype)


def _states(*, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    return torch.randn(_ROWS, H, dtype=dtype), torch.randn(_ROWS, H, dtype=dtype)


def step(cell: Any, x: Tensor, hx: Any = None) -> tuple[Tensor, Tensor]:
    """Call a cell and return the new (h, c)."""
    result = cell(x) if hx is None else cell(x, hx)
    pair = isinstance(result, tuple) and len(result) == 2
    require(
        pair and all(isinstance(s, Tensor) for s in result),
        f"expected forward to return (h, c), got {type(result).__name__}",
    )
    h, c = result
    return h, c


@check(kind=CELL)
def plain_call(subject: Subject) -> None:
    """Two sizes are enough to construct the cell, and it runs on (B, I)."""
    subject.construct(I, H)(_inputs(dtype=torch.float32))


@check(kind=CELL)
def arguments(subject: Subject) -> None:
    """All five arguments of nn.LSTMCell, positional or by keyword, are honoured."""
    cell = subject.construct(4, 6, False, torch.device("cpu"), torch.float64)
    named = subject.construct(
        input_size=4, hidden_size=6, bias=False, device="cpu", dtype=torch.float64
    )
    for one in (cell, named):
        found = one.input_size, one.hidden_size, one.bias
        require_equal(found, (4, 6, False), "input_size, hidden_size, bias")
        require_equal({p.dtype for p in one.parameters()}, {torch.float64}, "parameters of")
        biases = [n for n, _ in one.named_parameters() if n.startswith("bias_")]
        require_none(biases, "biases with bias=False")
    require_equal(subject.construct(4, 6).bias, True, "default bias")


@check(kind=CELL)
def constructor_mistakes(subject: Subject) -> None:
    """Wrong sizes, missing and surplus arguments raise nn.LSTMCell's exception types."""
    surplus = (4, 6, True, None, None, 1)
    for call in ((), (4,), (4.0, 6), ("4", 6), (4, 6.0), (-1, 6), (4, -6), surplus):
        require_same_error(
            partial(subject.construct, *call), [partial(nn.LSTMCell, *call)], f"{call}"
        )
    unknown: dict[str, Any] = {"hiden_size": 3}
    require_same_error(
        partial(subject.construct, 4, 6, **unknown),
        [partial(nn.LSTMCell, 4, 6, **unknown)],
        "an unknown keyword",
    )


@check(kind=CELL)
def shapes(subject: Subject) -> None:
    """The result is (h, c), shaped as nn.LSTMCell's, batched and unbatched, B = 0 and 1 too."""
    cell, x = subject.build(), _inputs()
    for rows in (x, x[:1], x[:0], x[0]):
        expected = [(*rows.shape[:-1], H)] * 2
        found = [tuple(t.shape) for t in step(cell, rows)]
        require_equal(found, expected, f"shapes of (h, c) for input of {tuple(rows.shape)}:")


@check(kind=CELL)
def no_state_is_zeros(subject: Subject) -> None:
    """No hx, hx=None and hx of zeros give the same numbers; a list will do as hx."""
    cell, x, state = subject.build(), _inputs(), _states()
    zeros = tuple(torch.zeros_like(s) for s in state)
    truth = step(cell, x)
    require_all_same(step(cell, x, zeros), truth, "with zero hx", names=_NAMES, eps=0)
    require_all_same(cell(x, None), truth, "with hx=None", names=_NAMES, eps=0)
    require_all_same(cell(input=x, hx=list(state)), cell(x, state), "of a list", names=_NAMES)


@check(kind=CELL)
def state_is_read(subject: Subject) -> None:
    """The given hx changes the result, and is not changed itself."""
    cell, x, state = subject.build(), _inputs(), _states()
    before = [s.clone() for s in state]
    first, second = step(cell, x, state), step(cell, x, _states())
    require(not torch.equal(first[0], second[0]), "expected another h for another hx, got the same")
    same = all(torch.equal(a, b) for a, b in zip(state, before, strict=True))
    require(same, "expected hx to be left as it was, got it changed")


@check(kind=CELL)
def rows_alone(subject: Subject) -> None:
    """A row of a batch gives what it gives alone, batched and unbatched."""
    cell, x, state = subject.build(), _inputs(), _states()
    h, c = step(cell, x, state)
    for row in range(_ROWS):
        own = tuple(s[row] for s in state)
        truth = h[row], c[row]
        require_all_same(step(cell, x[row], own), truth, "of a row alone", names=_NAMES)


@check(kind=CELL)
def layer_step(subject: Subject) -> None:
    """Steps of the cell are the registered layer's steps, given its weights."""
    if subject.spec is None:
        raise CheckSkippedError("the class is in no registry, so its layer is not known")
    layer_class: Any = load_target(subject.spec.target)
    cell = subject.build()
    layer = layer_class(I, H, **subject.options).double().eval()
    layer.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
    x, state = torch.randn(5, _ROWS, I, dtype=torch.float64), _states()
    output, final = layer(x, tuple(s.unsqueeze(0) for s in state))
    outputs = []
    for now in x:
        state = step(cell, now, state)
        outputs.append(state[0])
    truth = output, *(s.squeeze(0) for s in final)
    found = torch.stack(outputs), *state
    require_all_same(found, truth, "of the cell's steps", names=("output", "h_n", "c_n"))


@check(kind=CELL)
def input_mistakes(subject: Subject) -> None:
    """Input or hx of a wrong rank, width, batch, dtype or type raises as nn.LSTMCell does."""
    x, s = torch.zeros(2, I), torch.zeros(2, H)
    wrong: dict[str, tuple[Any, Any]] = {
        "3-D input": (torch.zeros(5, 2, I), None),
        "0-D input": (torch.zeros(()), None),
        "input of another width": (torch.zeros(2, I + 1), None),
        "unbatched input of another width": (torch.zeros(I + 1), None),
        "float64 input for float32 weights": (x.double(), None),
        "integer input": (x.long(), None),
        "a list as input": ([[0.0] * I], None),
        "h of another batch": (x, (torch.zeros(3, H), s)),
        "c of another batch": (x, (s, torch.zeros(3, H))),
        "h of another width": (x, (torch.zeros(2, H + 1), s)),
        "c of another width": (x, (s, torch.zeros(2, H + 1))),
        "3-D hx": (x, (s.unsqueeze(0), s.unsqueeze(0))),
        "float64 hx for float32 weights": (x, (s.double(), s.double())),
    }
    cell, lstm = subject.build(dtype=torch.float32), nn.LSTMCell(I, H)
    for what, call in wrong.items():
        require_same_error(partial(cell, *call), [partial(lstm, *call)], what)
    for what, hx in {"a tensor as hx": s, "hx of one": (s,), "hx of three": (s, s, s)}.items():
        require_same_error(partial(cell, x, hx), [partial(lstm, x, hx)], what, (TypeError,))


@check(kind=CELL)
def precision(subject: Subject) -> None:
    """float64, float32, bfloat16 and float16 come back as such, as close as rounding allows."""
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        require_close_to_float64(subject, {}, dtype, [_inputs(), *_states()], step, _NAMES)


@check(kind=CELL)
def names_and_repr(subject: Subject) -> None:
    """Parameters and repr are nn.LSTMCell's, and so is the base class nn.RNNCellBase."""
    cell, lstm = subject.build(bias=True), nn.LSTMCell(I, H)
    require(isinstance(cell, nn.RNNCellBase), "expected an nn.RNNCellBase")
    names = [name for name, _ in lstm.named_parameters()]
    own = dict(cell.named_parameters())
    require_equal([n for n in own if n in names], names, "parameters")
    thin = [n for n in names if "weight" in n and own[n].dim() < 2]
    require_none(thin, "weights of fewer than 2 dimensions")
    expected = repr(lstm).replace("LSTMCell", subject.cls.__name__, 1).removesuffix(")")
    require(repr(cell).startswith(expected), f"expected repr {expected + ')'!r}, got {cell!r}")


@check(kind=CELL)
def copies(subject: Subject) -> None:
    """deepcopy, pickle, strict state_dict and assign=True give the same numbers."""
    cell, x = subject.build(), _inputs()
    loaded, assigned = subject.build(), subject.build()
    loaded.load_state_dict(cell.state_dict(), strict=True)
    assigned.load_state_dict(cell.state_dict(), assign=True)
    twins = {"deepcopy": copy.deepcopy(cell), "state_dict": loaded, "assign=True": assigned}
    if "<locals>" not in subject.cls.__qualname__:
        twins["pickle"] = pickle.loads(pickle.dumps(cell))
    for how, twin in twins.items():
        require_equal(type(twin), type(cell), f"type after {how}")
        require_all_same(step(twin, x), step(cell, x), f"after {how}", names=_NAMES, eps=0)


@check(kind=CELL)
def meta_device(subject: Subject) -> None:
    """On the meta device the cell is built and runs; to_empty and reset_parameters revive it."""
    cell = subject.construct(I, H, device="meta")
    h, _ = step(cell, _inputs(dtype=torch.float32).to("meta"))
    require_equal((tuple(h.shape), h.device.type), ((_ROWS, H), "meta"), "h")
    with nan_in_new_memory():
        cell.to_empty(device="cpu").reset_parameters()
    require_written(cell, "after to_empty and reset_parameters")


@check(kind=CELL, group=BEYOND)
def new_memory(subject: Subject) -> None:
    """A cell on the meta device that is given memory draws it."""
    cell = subject.construct(I, H, device="meta")
    with nan_in_new_memory():
        cell.to_empty(device="cpu")
    require_written(cell, "after to_empty")


@check(kind=CELL)
def derivatives(subject: Subject) -> None:
    """First and second derivatives of input, hx and parameters equal finite differences."""
    call, given = _function(subject)
    torch.autograd.gradcheck(call, given, fast_mode=True)
    torch.autograd.gradgradcheck(call, given, fast_mode=True)


@check(kind=CELL, group=BEYOND)
def vmap(subject: Subject) -> None:
    """torch.func.vmap over an ensemble of weights equals a loop."""
    call, (x, h, c, *weights) = _function(subject)
    many = tuple(torch.stack((w, 0.5 * w)).detach() for w in weights)
    found = torch.func.vmap(call, in_dims=(None, None, None, *[0] * len(many)))(x, h, c, *many)
    truth = [call(x, h, c, *(w[k] for w in many)) for k in range(2)]
    both = [torch.stack(pair) for pair in zip(*truth, strict=True)]
    require_all_same(found, both, "of vmap over weights", names=_NAMES)


def _function(subject: Subject) -> tuple[Any, tuple[Tensor, ...]]:
    """Return a function of input, h, c and all parameters, and arguments for it."""
    cell = subject.build()
    names = [name for name, _ in cell.named_parameters()]

    def call(x: Tensor, h: Tensor, c: Tensor, *weights: Tensor) -> Any:
        held = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(cell, held, (x, (h, c)))

    move_off_zero(cell)
    held = (p.detach() for p in cell.parameters())
    given = (_inputs(), *_states(), *held)
    return call, tuple(t.requires_grad_() for t in given)
