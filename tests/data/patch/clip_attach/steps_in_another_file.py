# case: --clip agc-like:0.01
from torch import optim


def build(model):
    optimizer = optim.Adam(model.parameters())
    return optimizer
# output
from torch import optim
import rnnswap


def build(model):
    optimizer = optim.Adam(model.parameters())
    rnnswap.clip.attach("agc-like:0.01", optimizer)
    return optimizer
# report
5:5 RSW104 rnnswap.clip.attach("agc-like:0.01", optimizer) inserted after optimizer = optim.Adam(model.parameters())
5:5 RSW313 optimizer = optim.Adam(model.parameters()) may be clipped twice: its steps are not in this file, and clipping may be beside them
