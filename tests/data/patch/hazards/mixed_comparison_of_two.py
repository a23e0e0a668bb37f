# case:
import torch
from torch import nn

rnn = getattr(nn, kind)(8, 16)
if type(rnn) in (nn.LSTM, torch.nn.LSTM) or type(rnn) not in [nn.LSTM, nn.LSTM]:
    rnn = nn.LSTM(8, 16)
# output
import torch
from torch import nn
from rnnswap import JANET

rnn = getattr(nn, kind)(8, 16)
if (type(rnn) in (nn.LSTM, torch.nn.LSTM) or type(rnn) is JANET) or (type(rnn) not in [nn.LSTM, nn.LSTM] and type(rnn) is not JANET):
    rnn = JANET(8, 16)
# report
4:7 RSW202 getattr(nn, kind) kept: which class it is shows only at run time
5:4 RSW102 type(rnn) in (nn.LSTM, torch.nn.LSTM) -> (type(rnn) in (nn.LSTM, torch.nn.LSTM) or type(rnn) is JANET)
5:18 RSW306 tests both classes, as LSTM is still used in this file too
5:27 RSW306 tests both classes, as LSTM is still used in this file too
5:45 RSW102 type(rnn) not in [nn.LSTM, nn.LSTM] -> (type(rnn) not in [nn.LSTM, nn.LSTM] and type(rnn) is not JANET)
5:63 RSW306 tests both classes, as LSTM is still used in this file too
5:72 RSW306 tests both classes, as LSTM is still used in this file too
6:11 RSW101 nn.LSTM -> JANET
