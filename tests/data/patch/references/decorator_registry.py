# case:
from torch import nn

from registry import register

register("lstm")(nn.LSTM)


@register(nn.LSTM)
def convert(layer):
    return layer
# output
from torch import nn

from registry import register
from rnnswap import JANET

register("lstm")(JANET)


@register(JANET)
def convert(layer):
    return layer
# report
5:18 RSW102 nn.LSTM -> JANET
8:11 RSW102 nn.LSTM -> JANET
