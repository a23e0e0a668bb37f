# case:
import torch.nn as nn


def init(module):
    if isinstance(module, (nn.LSTM, nn.GRU)) or type(module) is nn.LSTM:
        module.reset_parameters()
# output
import torch.nn as nn
from rnnswap import JANET


def init(module):
    if isinstance(module, (JANET, nn.GRU)) or type(module) is JANET:
        module.reset_parameters()
# report
5:28 RSW102 nn.LSTM -> JANET
5:65 RSW102 nn.LSTM -> JANET
