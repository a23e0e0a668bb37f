# case:
import torch.nn as nn

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}
PAIR = (nn.LSTM, nn.GRU)


def build(cell=nn.LSTM, *args):
    return cell(*args)
# output
import torch.nn as nn
from rnnswap import JANET

CELLS = {"lstm": JANET, "gru": nn.GRU}
PAIR = (JANET, nn.GRU)


def build(cell=JANET, *args):
    return cell(*args)
# report
3:18 RSW102 nn.LSTM -> JANET
3:34 RSW215 nn.GRU kept: LSTM alone is replaced
4:9 RSW102 nn.LSTM -> JANET
4:18 RSW215 nn.GRU kept: LSTM alone is replaced
7:16 RSW102 nn.LSTM -> JANET
