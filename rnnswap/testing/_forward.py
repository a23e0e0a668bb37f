"""Checks of what forward returns for every form of input that nn.LSTM takes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnswap.spec import CHUNKED_STATE
from rnnswap.testing._autograd import move_off_zero
from rnnswap.testing._checks import check
from rnnswap.testing._compare import (
    backward,
    require,
    require_all_same,
    require_equal,
    require_none,
    require_same,
)
from rnnswap.testing._subject import (
    ASKING,
    I,
    Results,
    Setting,
    Subject,
    inputs,
    run,
    states,
    torch_layer,
    unpack,
)


@check()
def result_structure(subject: Subject) -> None:
    """The result is (output, (h_n, c_n)), with a state given or not."""
    layer = subject.build()
    run(layer, inputs())
    run(layer, inputs(), states())


@check()
def shapes(subject: Subject) -> None:
    """Shapes of batched and unbatched results are nn.LSTM's for every setting."""
    for setting in subject.settings():
        _require_shapes(subject, setting)


@check()
def output_in_one_piece(subject: Subject) -> None:
    """The output of input (T, B, I) is contiguous, as nn.LSTM's: `output.view(T * B, -1)` works."""
    for setting in subject.settings({}, {"bidirectional": True}, {"num_layers": 2}):
        output = run(subject.build(setting), inputs(setting))[0]
        require(output.is_contiguous(), f"expected a contiguous output of {dict(setting)}")


def _require_shapes(subject: Subject, setting: Setting) -> None:
    layer, lstm = subject.build(setting), torch_layer(setting)
    x, state = inputs(setting), states(setting)
    row = tuple(s[:, 0] for s in state)
    one = x[0] if setting.get("batch_first") else x[:, 0]
    calls: dict[str, tuple[Any, ...]] = {
        "batched": (x,),
        "batched with hx": (x, state),
        "unbatched": (one,),
        "unbatched with hx": (one, row),
    }
    for form, call in calls.items():
        expected = [tuple(t.shape) for t in run(lstm, *call)]
        found = [tuple(t.shape) for t in run(layer, *call)]
        require_equal(found, expected, f"shapes of output, h_n, c_n for {form} input, {setting}:")


def _argument_check(argument: str) -> None:
    """Register the check that one argument of nn.LSTM's is honoured."""

    def run_it(subject: Subject) -> None:
        setting = {k: v for k, v in ASKING[argument].items() if subject.can(k)}
        _require_shapes(subject, setting)
        names = [name for name, _ in subject.build(setting).named_parameters()]
        for name, _ in torch_layer(setting).named_parameters():
            require(name in names, f"expected a parameter {name} with {setting}, got none")
        unwanted = [n for n in names if n.startswith("bias_")] if argument == "bias" else []
        require_none(unwanted, "biases with bias=False")

    run_it.__name__ = f"{argument}_argument"
    run_it.__doc__ = f"{argument} gives nn.LSTM's shapes and parameters."
    check(needs=(argument,))(run_it)


for _argument in ("num_layers", "bias", "bidirectional", "proj_size"):
    _argument_check(_argument)


@check()
def no_state_is_zeros(subject: Subject) -> None:
    """No hx, hx=None and hx of zeros give the same numbers."""
    for setting in subject.settings():
        layer, x = subject.build(setting), inputs(setting)
        truth = run(layer, x)
        zeros = tuple(torch.zeros_like(s) for s in states(setting))
        require_all_same(run(layer, x, zeros), truth, f"with zero hx, {setting}", eps=0)
        require_all_same(unpack(layer(x, None)), truth, f"with hx=None, {setting}", eps=0)


@check()
def state_is_read(subject: Subject) -> None:
    """The given hx changes the output."""
    for setting in subject.settings({}, {"bidirectional": True}, {"proj_size": 2}):
        layer, x = subject.build(setting), inputs(setting)
        first, second = run(layer, x, states(setting)), run(layer, x, states(setting))
        require(
            not torch.equal(first[0], second[0]),
            f"expected another output for another hx, got the same, {setting}",
        )


@check()
def state_as_list(subject: Subject) -> None:
    """A list will do as hx."""
    layer, x, state = subject.build(), inputs(), states()
    require_all_same(run(layer, x, list(state)), run(layer, x, state), "with hx a list", eps=0)


@check()
def forward_keywords(subject: Subject) -> None:
    """Input and state may be given as input= and hx=."""
    layer, x, state = subject.build(), inputs(), states()
    found = unpack(layer(input=x, hx=state))
    require_all_same(found, run(layer, x, state), "with keywords", eps=0)


@check()
def unbatched(subject: Subject) -> None:
    """Unbatched input gives what it gives as a batch of one."""
    for setting in subject.settings():
        layer = subject.build(setting)
        x, state = inputs(setting, batch=1), states(setting, batch=1)
        squeeze = 0 if setting.get("batch_first") else 1
        output, h_n, c_n = run(layer, x, state)
        truth = output.squeeze(squeeze), h_n.squeeze(1), c_n.squeeze(1)
        one = tuple(s.squeeze(1) for s in state)
        found = run(layer, x.squeeze(squeeze), one)
        require_all_same(found, truth, f"of unbatched input, {setting}")


@check(needs=("batch_first",))
def batch_first_argument(subject: Subject) -> None:
    """batch_first is the same computation with batch and time exchanged."""
    for setting in subject.settings({}, {"num_layers": 2}, {"bidirectional": True}):
        plain, first = subject.build(setting), subject.build(setting, batch_first=True)
        first.load_state_dict(plain.state_dict())
        x, state = inputs(setting), states(setting)
        output, h_n, c_n = run(first, x.transpose(0, 1), state)
        found = output.transpose(0, 1), h_n, c_n
        require_all_same(found, run(plain, x, state), f"with batch_first, {setting}")


@check()
def sizes_of_one(subject: Subject) -> None:
    """T = 1, B = 1 and H = 1 run and have nn.LSTM's shapes."""
    for setting in subject.settings({}, {"bidirectional": True}, {"hidden_size": 1}):
        layer, lstm = subject.build(setting), torch_layer(setting)
        for steps, batch in ((1, 1), (1, 4), (5, 1)):
            x = inputs(setting, steps, batch)
            expected = [tuple(t.shape) for t in run(lstm, x)]
            found = run(layer, x)
            require_equal(
                [tuple(t.shape) for t in found], expected, f"shapes at T={steps}, B={batch}:"
            )
            finite = all(bool(t.isfinite().all()) for t in found)
            require(finite, f"expected finite results at T={steps}, B={batch}, got others")


@check()
def batch_of_none(subject: Subject) -> None:
    """A batch of 0 sequences runs forward and backward."""
    layer = subject.build(subject.deep())
    lstm = torch_layer(subject.deep())
    x = torch.zeros(5, 0, I, dtype=torch.float64)
    found = run(layer, x)
    require_equal([tuple(t.shape) for t in found], [tuple(t.shape) for t in run(lstm, x)], "shapes")
    backward(found[0])


@check()
def strided_input(subject: Subject) -> None:
    """Input and states that are not contiguous give the same numbers."""
    for setting in subject.settings({}, {"num_layers": 2}, {"bidirectional": True}):
        layer, x, state = subject.build(setting), inputs(setting), states(setting)
        strided = x.permute(2, 1, 0).contiguous().permute(2, 1, 0)
        cut = tuple(torch.stack((s, -s), -1)[..., 0] for s in state)
        assert not strided.is_contiguous()
        assert not cut[0].is_contiguous()
        found = run(layer, strided, cut)
        require_all_same(found, run(layer, x, state), f"of strided input, {setting}")
        expanded = tuple(s[:, :1].expand(-1, x.size(1), -1) for s in state)
        whole = tuple(s.contiguous() for s in expanded)
        truth = run(layer, x, whole)
        require_all_same(run(layer, x, expanded), truth, f"with expanded hx, {setting}")


@check()
def nothing_changed_in_place(subject: Subject) -> None:
    """A call changes neither input nor hx, and no result shares memory with another or with hx."""
    layer, x, state = subject.build(), inputs(), states()
    given = [t.clone() for t in (x, *state)]
    with torch.no_grad():
        results = run(layer, x, state)
        output, _, c_n = (t.clone() for t in results)
        results[1].add_(1.0)
        require(torch.equal(results[0], output), "expected h_n apart from output, got it shared")
        require(torch.equal(results[2], c_n), "expected h_n apart from c_n, got it shared")
        results[2].add_(1.0)
        require(torch.equal(results[0], output), "expected c_n apart from output, got it shared")
    for name, now, then in zip(("input", "h_0", "c_0"), (x, *state), given, strict=True):
        require(torch.equal(now, then), f"expected {name} to be left as it was, got it changed")


@check(needs=(CHUNKED_STATE,))
def state_carried_over(subject: Subject) -> None:
    """The whole sequence, chunks and single steps with the state carried over are the same."""
    for setting in subject.settings({}, {"num_layers": 2}, {"proj_size": 2}, {"bias": False}):
        layer, x = subject.build(setting), inputs(setting, steps=6)
        for sign, first in _signed(states(setting)).items():
            where = f"carrying a {sign} state over, {setting}"
            whole = run(layer, x, first)
            head = run(layer, x[:2], first)
            tail = run(layer, x[2:], head[1:])
            joined = torch.cat((head[0], tail[0])), *tail[1:]
            require_all_same(joined, whole, f"in chunks, {where}")
            outputs, state = [], first
            for t in range(6):
                one, *state = run(layer, x[t : t + 1], tuple(state))  # type: ignore[assignment]
                outputs.append(one)
            require_all_same((torch.cat(outputs), *state), whole, f"step by step, {where}")


def _signed(state: tuple[torch.Tensor, ...]) -> dict[str, tuple[torch.Tensor, ...]]:
    return {
        "mixed": state,
        "positive": tuple(s.abs() for s in state),
        "negative": tuple(-s.abs() for s in state),
    }


@check()
def batch_rows(subject: Subject) -> None:
    """A row of a batch gives what it gives alone, state included."""
    for setting in subject.settings():
        layer, x, state = subject.build(setting), inputs(setting), states(setting)
        axis = 0 if setting.get("batch_first") else 1
        output, h_n, c_n = run(layer, x, state)
        for row in range(0, x.size(axis), 2):
            own = tuple(s[:, row : row + 1] for s in state)
            found = run(layer, x.narrow(axis, row, 1), own)
            truth = output.narrow(axis, row, 1), h_n[:, row : row + 1], c_n[:, row : row + 1]
            require_all_same(found, truth, f"of a row alone, {setting}")


@check(needs=("dropout", "num_layers"))
def dropout_argument(subject: Subject) -> None:
    """Dropout acts between layers, in training only, and never on the last layer."""
    layer = subject.build(num_layers=2, dropout=1.0).train()
    move_off_zero(layer)  # or a layer without input could give zeros, dropped or not
    state = tuple(s.abs() for s in states({"num_layers": 2}))
    given = inputs(), inputs()
    first, second = (_run_seeded(layer, x, state) for x in given)
    # All of the first layer's output is dropped, so the second layer cannot see the input.
    require_same(first[0], second[0], "output with all of the layer below dropped")
    require(bool(first[0].abs().sum() > 0), "expected the last layer undropped, got zeros")
    require(not torch.equal(first[1][0], second[1][0]), "expected h_n of layer 0 to see the input")
    layer.eval()
    x = inputs()
    require_same(run(layer, x)[0], run(layer, x)[0], "output of a second call in eval mode", eps=0)
    require(
        not torch.equal(run(layer, x, state)[0], first[0]),
        "expected no dropout in eval mode, got the output of training",
    )


def _run_seeded(layer: Any, x: Tensor, state: Any) -> Results:
    """Run under one seed: options of the class may draw random numbers of their own."""
    torch.default_generator.manual_seed(1)
    return run(layer, x, state)
