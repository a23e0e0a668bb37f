# case:
from torch.nn import LSTM

rnn = LSTM(1, 2)


def whole(x):
    match x:
        case LSTM:
            return LSTM


def first(x):
    match x:
        case [LSTM]:
            return LSTM


def keyword(x):
    match x:
        case Options(LSTM=3):
            return LSTM
# output
from rnnswap import JANET

rnn = JANET(1, 2)


def whole(x):
    match x:
        case LSTM:
            return LSTM


def first(x):
    match x:
        case [LSTM]:
            return LSTM


def keyword(x):
    match x:
        case Options(LSTM=3):
            return JANET
# report
3:7 RSW101 LSTM -> JANET
21:20 RSW102 LSTM -> JANET
