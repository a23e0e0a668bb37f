"""Lightning's and transformers' Trainer, unchanged, under an installed policy.

Needs their packages, which are not installed with rnnswap's own for development:

    pip install lightning transformers accelerate
    RNNSWAP_TRAINERS=1 pytest tests/clip/test_clip_trainers.py
"""

import os
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from rnnswap.clip import attach, install

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore"),  # theirs
    pytest.mark.skipif(
        not os.environ.get("RNNSWAP_TRAINERS"),
        reason="needs lightning, transformers, accelerate: RNNSWAP_TRAINERS=1 pytest "
        + Path(__file__).name,
    ),
]

STEPS = 6


class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 4 * STEPS

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        x = 100 * torch.randn(5, 3, generator=generator)
        return {"x": x, "labels": x.sum().reshape(1)}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(3, 4, batch_first=True)
        self.head = nn.Linear(4, 1)

    def forward(self, x=None, labels=None):
        prediction = self.head(self.rnn(x)[0][:, -1])
        return {"loss": (prediction - labels).square().mean(), "prediction": prediction}


@pytest.fixture
def seen():
    """The norms after clipping at each step, measured by a hook of our own in the test."""
    norms = []

    def note(optimizer, args, kwargs):
        grads = [p.grad for group in optimizer.param_groups for p in group["params"]]
        norms.append(torch.nn.utils.get_total_norm([g for g in grads if g is not None]).item())

    handle = register_optimizer_step_post_hook(note)
    yield norms
    handle.remove()


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("own", [None, 5.0])
def test_lightning(seen, tmp_path, accumulate, own):
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = Model()

        def training_step(self, batch, index):
            return self.model(**batch)["loss"]

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=0.01)

    trainer = lightning.Trainer(
        max_steps=STEPS // accumulate,
        accelerator="cpu",
        accumulate_grad_batches=accumulate,
        gradient_clip_val=own,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    results = []
    with install("norm:0.5", callback=lambda *given: results.append(given)) as handle:
        trainer.fit(Module(), torch.utils.data.DataLoader(Data(), batch_size=4))
    assert len(results) == len(seen) == STEPS // accumulate
    assert seen == pytest.approx([0.5] * len(seen), rel=1e-4)
    expected = own if own else 0.6
    assert all(result.norm_before >= expected * 0.999 for _, result in results)
    assert (handle.script_clips is None) == (own is None)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("own", [0.0, 5.0])
def test_transformers(seen, tmp_path, accumulate, own):
    import transformers

    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=STEPS // accumulate,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=accumulate,
        max_grad_norm=own,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    results = []
    with (
        warnings.catch_warnings(),
        install("norm:0.5", callback=lambda *given: results.append(given)) as handle,
    ):
        transformers.Trainer(Model(), arguments, train_dataset=Data()).train()
    assert len(results) == len(seen) == STEPS // accumulate
    assert seen == pytest.approx([0.5] * len(seen), rel=1e-4)
    assert (handle.script_clips is None) == (own == 0.0)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_attach_to_accelerates_optimizer(accumulate):
    import accelerate

    accelerate.state.AcceleratorState._reset_state(True)
    accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=accumulate)
    inner = torch.optim.SGD((model := nn.Linear(3, 1)).parameters(), lr=1.0)
    model, optimizer = accelerator.prepare(model, inner)
    results = []
    attach("norm:0.5", optimizer, callback=lambda *given: results.append(given))
    for _ in range(STEPS):
        with accelerator.accumulate(model):
            accelerator.backward(100 * model(torch.ones(4, 3)).sum())
            optimizer.step()
            optimizer.zero_grad()
    assert [given[0] for given in results] == [inner] * (STEPS // accumulate)
    assert all(result.norm_after.item() == pytest.approx(0.5, rel=1e-4) for _, result in results)


def test_attach_to_fabrics_optimizer():
    import lightning

    fabric = lightning.Fabric(accelerator="cpu", devices=1)
    inner = torch.optim.SGD((model := nn.Linear(3, 1)).parameters(), lr=1.0)
    model, optimizer = fabric.setup(model, inner)
    handle = attach("norm:0.5", optimizer)
    fabric.backward(100 * model(torch.ones(4, 3)).sum())
    optimizer.step()
    assert handle.last.norm_after.item() == pytest.approx(0.5, rel=1e-4)


def test_transformers_resumes_with_the_statistics_of_the_checkpoint(tmp_path):
    import transformers

    def train(folder, steps, resume=None):
        transformers.set_seed(0)
        arguments = transformers.TrainingArguments(
            output_dir=str(folder),
            max_steps=steps,
            lr_scheduler_type="constant",
            per_device_train_batch_size=4,
            max_grad_norm=0.0,
            use_cpu=True,
            report_to=[],
            save_strategy="steps",
            save_steps=3,
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        model = Model()
        with install("percentile:30"):
            trainer = transformers.Trainer(model, arguments, train_dataset=Data())
            trainer.train(resume_from_checkpoint=resume)
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    whole = train(tmp_path / "whole", STEPS)
    train(tmp_path / "half", 3)
    resumed = train(tmp_path / "half", STEPS, str(tmp_path / "half" / "checkpoint-3"))
    assert torch.equal(resumed, whole)
