# case:
from torch import nn

lstm = nn.LSTM(8, 16)
lstm.bias_ih_l0.data[16:32] = 1.0
nn.init.ones_(lstm.bias_hh_l0[16:32])
forget = lstm.weight_ih_l0.data[16:32, :4]
first = lstm.weight_ih_l0.data[:4]
other = rows[16:32], lstm.weight_ih_l0[3]
# output
from torch import nn
from rnnswap import JANET

lstm = JANET(8, 16)
lstm.bias_ih_l0.data[16:32] = 1.0
nn.init.ones_(lstm.bias_hh_l0[16:32])
forget = lstm.weight_ih_l0.data[16:32, :4]
first = lstm.weight_ih_l0.data[:4]
other = rows[16:32], lstm.weight_ih_l0[3]
# report
3:8 RSW101 nn.LSTM -> JANET
4:1 RSW301 lstm.bias_ih_l0.data[16:32] assumes LSTM's four gates; janet has others
5:15 RSW301 lstm.bias_hh_l0[16:32] assumes LSTM's four gates; janet has others
6:10 RSW301 lstm.weight_ih_l0.data[16:32, :4] assumes LSTM's four gates; janet has others
