# case:
from mxnet.gluon import nn, rnn


def build(hidden):
    net = nn.HybridSequential()
    net.add(rnn.LSTM(hidden, num_layers=2), nn.Dense(10))
    return net
