"""A whole run inside this process: swap, clip, record, and everything as before afterwards."""

import textwrap

import pytest
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim import optimizer as torch_optimizer

from rnnswap.errors import ClipError, OptionError, ScriptError, UnknownNameError
from rnnswap.training.settings import Settings, Swap
from rnnswap.training.train import train_script

ORIGINALS = (nn.LSTM.__init__, nn.LSTMCell.__init__, torch.autograd.backward)

SCRIPT = """
import sys
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(3, 5, batch_first=True)
        self.out = nn.Linear(5, 1)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])

torch.manual_seed(0)
model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
x, y = torch.randn(4, 6, 3), 100 * torch.ones(4, 1)
for _ in range(int(sys.argv[1])):
    optimizer.zero_grad()
    loss = ((model(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
print(type(model.rnn).__name__)
sys.exit(int(sys.argv[2]))
"""


@pytest.fixture(autouse=True)
def everything_is_restored(process_state):
    yield
    assert (nn.LSTM.__init__, nn.LSTMCell.__init__, torch.autograd.backward) == ORIGINALS
    assert Optimizer.add_param_group.__module__ == "torch.optim.optimizer"
    assert not torch_optimizer._global_optimizer_pre_hooks
    assert not torch_optimizer._global_optimizer_post_hooks


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "fit.py"
    path.write_text(SCRIPT)
    return str(path)


def run(script, *args, clip="none", swap=None):
    return train_script(script, args or ("3", "0"), Settings(clip, swap))


def test_without_a_cell_nothing_is_swapped_and_steps_are_clipped(script, capsys):
    outcome = run(script, clip="norm:1.0")
    assert capsys.readouterr().out == "LSTM\n"
    assert outcome.code == 0
    assert outcome.swapped == []
    assert (outcome.summary.steps, outcome.summary.clipped_steps) == (3, 3)
    assert outcome.summary.norm_before > 1 > outcome.summary.norm_after > 0.999
    assert outcome.summary.last_loss < outcome.summary.first_loss
    assert outcome.without_effect() == []


@pytest.mark.parametrize("cell", ["janet", "indrnn", "lstm"])
def test_cell_takes_the_place_of_the_layer(script, capsys, cell):
    outcome = run(script, swap=Swap(cell))
    (layer,) = outcome.swapped
    assert layer.before == "LSTM(3, 5, batch_first=True)"
    assert layer.file == script
    assert (
        layer.line
        == SCRIPT.splitlines().index("        self.rnn = nn.LSTM(3, 5, batch_first=True)") + 1
    )
    assert capsys.readouterr().out == layer.after.partition("(")[0] + "\n"
    assert outcome.summary.steps == 3
    assert outcome.without_effect() == []


def test_attention_stands_over_the_cell(script, capsys):
    outcome = run(script, swap=Swap("janet", attention="soft"))
    assert len(outcome.swapped) == 1
    assert outcome.code == 0
    assert outcome.summary.norm_before > 0
    assert "JANET" in capsys.readouterr().out


def test_the_cell_may_be_an_nn_lstm_as_well(script, capsys):
    outcome = run(script, swap=Swap("janet", as_lstm=True))
    assert capsys.readouterr().out == "JANETAsLSTM\n"
    assert outcome.summary.steps == 3
    assert str(outcome.swap) == "janet as nn.LSTM"


def test_cell_options_reach_the_layer(script):
    plain, chrono = (run(script, swap=Swap("janet", options=o)) for o in ({}, {"t_max": 50}))
    assert plain.summary.first_loss != chrono.summary.first_loss


def test_code_of_the_script_is_kept(script):
    assert run(script, "2", "9").code == 9


def test_exception_in_the_script_is_shown_and_still_recorded(script, capsys):
    outcome = run(script, "2", "not-a-number", clip="value:0.1")
    assert outcome.code == 1
    assert outcome.summary.steps == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f'Traceback (most recent call last):\n  File "{script}", line')
    assert shown.endswith("ValueError: invalid literal for int() with base 10: 'not-a-number'\n")


def test_traceback_through_our_wrappers_shows_none_of_our_frames(tmp_path, capsys):
    """A layer's constructor, a closure in a step and a backward each pass through us."""
    path = tmp_path / "broken.py"
    path.write_text(
        textwrap.dedent(
            """
            import torch
            from torch import nn

            def attempt(act):
                try:
                    act()
                except Exception as error:
                    return error

            def closure():
                weight.exp().sum().backward(gradient="one")

            weight = nn.Parameter(torch.ones(2))
            optimizer = torch.optim.SGD([weight], lr=0.1)
            errors = [
                attempt(lambda: nn.LSTM(3, -5)),
                attempt(lambda: optimizer.step(closure)),
                attempt(lambda: weight.backward()),
            ]
            raise ExceptionGroup("all", errors)
            """
        )
    )
    outcome = run(str(path), clip="norm:1.0", swap=Swap("janet"))
    shown = capsys.readouterr().err
    assert outcome.code == 1
    assert shown.count(str(path)) >= 7
    for own in ("rnnswap/patch", "rnnswap/clip", "rnnswap/training", "rnnswap/cli"):
        assert own not in shown


def test_gradient_that_cannot_be_clipped_ends_the_script_with_one_sentence(tmp_path, capsys):
    path = tmp_path / "sparse.py"
    path.write_text(
        textwrap.dedent(
            """
            import torch
            table = torch.nn.Embedding(3, 2, sparse=True)
            optimizer = torch.optim.SGD(table.parameters(), lr=0.1)
            table(torch.tensor([1])).sum().backward()
            optimizer.step()
            """
        )
    )
    assert run(str(path), clip="norm:1.0").code == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("rnnswap.errors.ClipError: clipping policy norm:1.0 cannot bound the")


@pytest.mark.parametrize(
    ("swap", "clip", "error"),
    [
        (Swap("jannet"), "none", UnknownNameError),
        (Swap("janet", attention="sofd"), "none", UnknownNameError),
        (Swap("janet", options={"betta": 1}), "none", OptionError),
        (None, "norm:-1", ClipError),
    ],
)
def test_what_cannot_start_is_an_error(script, capsys, swap, clip, error):
    with pytest.raises(error):
        run(script, swap=swap, clip=clip)
    assert capsys.readouterr().out == ""


def test_missing_script_leaves_nothing_behind():
    with pytest.raises(ScriptError, match="does not exist"):
        run("no-such.py", swap=Swap("janet"), clip="hook:-1.0,1.0")


def test_no_layer_and_no_step_are_said(tmp_path):
    path = tmp_path / "idle.py"
    path.write_text("from torch import nn\nclass Mine(nn.LSTM): pass\nMine(2, 3)\n")
    swapped, trained = run(str(path), swap=Swap("janet")).without_effect()
    assert swapped == (
        "nothing was swapped: the script constructed no torch.nn.LSTM but those 1 left as they are"
    )
    assert trained == "nothing was trained: the script made no optimizer step"
    assert run(str(path)).without_effect() == [trained]


@pytest.mark.parametrize(
    "text", ["raise SystemExit(4)", "x = (1,", "import torch\ntorch.nn.LSTM(3, -5)"]
)
def test_failed_script_is_not_said_to_have_done_nothing(tmp_path, text):
    path = tmp_path / "broken.py"
    path.write_text(text)
    outcome = run(str(path), swap=Swap("janet"))
    assert outcome.code != 0
    assert outcome.without_effect() == []
