# case:
import mlx.nn
import mxnet as mx
import paddle
import tensorflow as tf
from chainer import links as L
from mxnet.gluon import rnn
from oneflow import nn

a = tf.keras.layers.LSTM(16, return_sequences=True)
b = paddle.nn.LSTM(8, 16)
c = mlx.nn.LSTM(8, 16)
d = L.LSTM(8, 16)
e = rnn.LSTM(16)
f = nn.LSTM(8, 16)
g = mx.rnn.LSTMCell(8)
