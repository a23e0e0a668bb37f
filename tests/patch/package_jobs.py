"""A small job for each of several published packages that build nn.LSTM inside.

    python package_jobs.py PACKAGE            with torch's own LSTM
    python package_jobs.py PACKAGE janet      under `rnnswap.patched("janet")`

The data are made here, a job takes seconds on a CPU, and prints as JSON what was constructed, and a
figure of the job beside what is reached without learning. A job knows nothing of rnnswap.
"""

import json
import math
import random
import sys
import warnings

import numpy as np
import torch
from torch import nn

QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}


def waves(count, length):
    """Noisy sine waves of different phases (count, length), period 12."""
    phase = np.random.default_rng(0).uniform(0, 12, (count, 1))
    noise = np.random.default_rng(1).normal(0, 0.05, (count, length))
    return (np.sin(2 * math.pi * (np.arange(length) + phase) / 12) + noise).astype("float32")


def sb3_contrib():
    """Reinforcement learning: answer at the third step with the sign seen at the first."""
    import gymnasium
    from sb3_contrib import RecurrentPPO

    class Remember(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-1, 1, (1,))
        action_space = gymnasium.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.sign, self.time = self.np_random.choice([-1, 1]), 0
            return np.array([self.sign], "float32"), {}

        def step(self, action):
            self.time += 1
            done = self.time == 3
            reward = float(done and action == (self.sign > 0))
            return np.zeros(1, "float32"), reward, done, False, {}

    agent = RecurrentPPO(
        "MlpLstmPolicy", Remember(), n_steps=192, learning_rate=3e-3, seed=0, device="cpu"
    )
    agent.learn(6000)
    env, rewards = Remember(), []
    for seed in range(50):
        seen, state, done = env.reset(seed=seed)[0], None, False
        start = np.ones(1, bool)
        while not done:
            action, state = agent.predict(seen, state, start, deterministic=True)
            seen, reward, done, *_ = env.step(action)
            start[:] = False
        rewards.append(reward)
    return "reward; of guessing", 0.5, float(np.mean(rewards))


def gluonts():
    """Forecasting: DeepAR on sine waves."""
    from gluonts.dataset.common import ListDataset
    from gluonts.torch import DeepAREstimator

    series = waves(20, 120)
    data = ListDataset([{"start": "2020-01-01", "target": s[:-12]} for s in series], freq="D")
    trainer = {**QUIET, "max_epochs": 4}
    trainer.pop("enable_checkpointing")  # it loads its best checkpoint
    estimator = DeepAREstimator(
        "D", prediction_length=12, context_length=24, hidden_size=16, lr=1e-2,
        batch_size=16, num_batches_per_epoch=25, trainer_kwargs=trainer,
    )  # fmt: skip
    forecasts = estimator.train(data).predict(data)
    errors = [np.abs(f.mean - s[-12:]).mean() for f, s in zip(forecasts, series, strict=True)]
    return "error; of answering 0", float(np.abs(series[:, -12:]).mean()), float(np.mean(errors))


def darts():
    """Forecasting: RNNModel on one sine wave."""
    from darts import TimeSeries
    from darts.models import RNNModel

    series = waves(1, 200)[0]
    model = RNNModel(
        12, model="LSTM", hidden_dim=16, training_length=36, n_epochs=25, batch_size=32,
        optimizer_kwargs={"lr": 1e-2}, random_state=0, pl_trainer_kwargs=QUIET,
    )  # fmt: skip
    model.fit(TimeSeries.from_values(series[:-24]))
    error = np.abs(model.predict(24).values()[:, 0] - series[-24:]).mean()
    return "error; of answering 0", float(np.abs(series[-24:]).mean()), float(error)


def pytorch_forecasting():
    """Forecasting: the temporal fusion transformer, whose LSTM is a subclass of nn.LSTM."""
    import lightning
    import pandas
    from pytorch_forecasting import TemporalFusionTransformer, TimeSeriesDataSet
    from pytorch_forecasting.metrics import MAE

    series = waves(8, 72)
    frame = pandas.DataFrame(
        [(str(g), t, v) for g, s in enumerate(series) for t, v in enumerate(s)],
        columns=["group", "time", "value"],
    )
    data = TimeSeriesDataSet(
        frame, "time", "value", ["group"], max_encoder_length=24, max_prediction_length=6,
        time_varying_unknown_reals=["value"], target_normalizer=None,
    )  # fmt: skip
    model = TemporalFusionTransformer.from_dataset(
        data, hidden_size=8, learning_rate=3e-2, loss=MAE(), log_interval=-1
    )
    trainer = lightning.Trainer(max_epochs=2, **QUIET)
    trainer.fit(model, data.to_dataloader(True, 32, num_workers=0))
    predicted = model.predict(data.to_dataloader(False, 64, num_workers=0), trainer_kwargs=QUIET)
    wanted = torch.cat([y[0] for _, y in data.to_dataloader(False, 64, num_workers=0)])
    error = (predicted - wanted).abs().mean()
    return "error; of answering 0", float(wanted.abs().mean()), float(error)


def pypots():
    """Imputation: BRITS, built of nn.LSTMCell."""
    from pypots.imputation import BRITS

    whole = waves(64, 48).reshape(64, 24, 2)
    hidden = np.random.default_rng(2).random(whole.shape) < 0.2
    holes = np.where(hidden, np.nan, whole)
    model = BRITS(24, 2, 16, epochs=15, batch_size=32, device="cpu", verbose=False)
    model.fit({"X": holes})
    filled = model.impute({"X": holes})
    error = np.abs(filled - whole)[hidden].mean()
    return "error; of answering 0", float(np.abs(whole)[hidden].mean()), float(error)


def resemblyzer():
    """Speech: a voice encoder that comes with trained weights tells two voices apart."""
    from resemblyzer import VoiceEncoder

    encoder = VoiceEncoder("cpu", verbose=False)
    time = np.arange(32000) / 16000

    def voice(pitch, seed):
        rng = np.random.default_rng(seed)
        tones = sum(np.sin(2 * math.pi * pitch * k * time) / k for k in range(1, 12))
        return (0.05 * tones + 0.003 * rng.normal(size=time.size)).astype("float32")

    low, again, high = (
        encoder.embed_utterance(voice(pitch, seed))
        for pitch, seed in ((110, 0), (110, 1), (220, 2))
    )
    return "likeness of one voice; of two", float(low @ high), float(low @ again)


def flair():
    """Tagging: which words are names, from their letters."""
    import tempfile

    from flair.data import Corpus, Dictionary, Sentence
    from flair.datasets import FlairDatapointDataset
    from flair.embeddings import CharacterEmbeddings
    from flair.models import SequenceTagger
    from flair.trainers import ModelTrainer

    def sentence():
        text = Sentence([random.choice(["ada", "Ada", "bob", "Bob", "runs"]) for _ in range(6)])
        for token in text:
            token.add_label("kind", "name" if token.text[0].isupper() else "word")
        return text

    parts = [FlairDatapointDataset([sentence() for _ in range(n)]) for n in (60, 10, 20)]
    corpus = Corpus(*parts, name="names")
    letters = Dictionary()  # the package's own would be downloaded
    for letter in "abdnorsuAB":
        letters.add_item(letter)
    tagger = SequenceTagger(
        CharacterEmbeddings(letters), corpus.make_label_dictionary("kind", add_unk=False), "kind",
        hidden_size=16, rnn_layers=1, use_crf=False, tag_format="BIO",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        result = ModelTrainer(tagger, corpus).train(
            folder, learning_rate=0.3, mini_batch_size=8, max_epochs=4, save_final_model=False
        )
    return "F score; of nothing", 0.0, float(result["test_score"])


def tianshou():
    """Reinforcement learning: a recurrent network learns the value of what it saw first."""
    from tianshou.utils.net.common import Recurrent

    net = Recurrent(layer_num=1, state_shape=(1,), action_shape=2, hidden_layer_size=16)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    losses = []
    for _ in range(150):
        sign = torch.randint(0, 2, (32,)) * 2.0 - 1
        seen = torch.zeros(32, 4, 1)
        seen[:, 0, 0] = sign
        values, _ = net(seen)
        loss = (values - torch.stack((sign, -sign), 1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return "error; of answering 0", 1.0, float(np.mean(losses[-5:]))


def torch_geometric():
    """Graphs: LSTM aggregation over neighbours, an LSTM over layers, Set2Set over nodes."""
    from torch_geometric.nn import JumpingKnowledge, SAGEConv, Set2Set

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = SAGEConv(4, 8, aggr="lstm")
            self.two = SAGEConv(8, 8, aggr="lstm")
            self.over_layers = JumpingKnowledge("lstm", 8, 2)
            self.over_nodes = Set2Set(8, 2)
            self.out = nn.Linear(16, 2)

        def forward(self, x, edges, graph):
            one = self.one(x, edges).relu()
            two = self.two(one, edges).relu()
            return self.out(self.over_nodes(self.over_layers([one, two]), graph))

    # Rings of eight nodes; in graphs of the second kind one feature is stronger.
    kinds = torch.arange(40) % 2
    x = torch.randn(40, 8, 4)
    x[..., 0] += 1.5 * kinds.unsqueeze(1)
    ring = torch.stack((torch.arange(8), (torch.arange(8) + 1) % 8))
    edges = torch.cat([ring + 8 * g for g in range(40)], 1)
    edges = edges[:, edges[1].argsort(stable=True)]  # as its LSTM aggregation wants them
    graph = torch.arange(40).repeat_interleave(8)
    net, x = Net(), x.flatten(0, 1)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(30):
        optimizer.zero_grad()
        scores = net(x, edges, graph)
        nn.functional.cross_entropy(scores, kinds).backward()
        optimizer.step()
    right = net(x, edges, graph).argmax(1) == kinds
    return "accuracy; of guessing", 0.5, float(right.float().mean())


def main():
    name, *cell = sys.argv[1:]
    warnings.simplefilter("ignore")  # theirs
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    job, found = globals()[name], {"swapped": [], "left": [], "error": None}
    try:
        if cell:
            import rnnswap

            with rnnswap.patched(cell[0]) as report:
                try:
                    result = job()
                finally:
                    found["swapped"] = [(c.file, c.line, c.after) for c in report.swapped]
                    found["left"] = [(c.file, c.line, c.before, c.reason) for c in report.left]
        else:
            result = job()
        found |= zip(("what", "without", "learned"), result, strict=True)
    except Exception as error:
        found["error"] = f"{type(error).__name__}: {error}"
    print("\n" + json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
