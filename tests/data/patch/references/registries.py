# case:
import torch.nn as nn
from torch.nn import LSTM

LAYERS = Registry()
LAYERS.register("lstm", nn.LSTM)
LAYERS.register_module(module=LSTM)
HANDLERS = {}
HANDLERS[nn.LSTM] = init_lstm
BY_NAME = {LSTM: "lstm", nn.GRU: "gru"}


@convert.register(nn.LSTM)
def _(layer):
    return layer


@register_for([LSTM, nn.GRU])
def other(layer):
    return layer
# output
import torch.nn as nn
from rnnswap import JANET

LAYERS = Registry()
LAYERS.register("lstm", JANET)
LAYERS.register_module(module=JANET)
HANDLERS = {}
HANDLERS[JANET] = init_lstm
BY_NAME = {JANET: "lstm", nn.GRU: "gru"}


@convert.register(JANET)
def _(layer):
    return layer


@register_for([JANET, nn.GRU])
def other(layer):
    return layer
# report
5:25 RSW102 nn.LSTM -> JANET
6:31 RSW102 LSTM -> JANET
8:10 RSW102 nn.LSTM -> JANET
9:12 RSW102 LSTM -> JANET
9:26 RSW215 nn.GRU kept: LSTM alone is replaced
12:19 RSW102 nn.LSTM -> JANET
17:16 RSW102 LSTM -> JANET
17:22 RSW215 nn.GRU kept: LSTM alone is replaced
