# case:
import torch
from torch.nn import LSTM

n = 16
lstm = LSTM(8, n)
lstm.bias_ih_l0.data = torch.cat([torch.zeros(n), torch.ones(n), torch.zeros(2 * n)])
lstm.bias_hh_l0.data.copy_(torch.zeros(4 * n))
with torch.no_grad():
    lstm.bias_ih_l0[:] = torch.zeros(n * 4)
zeros = torch.zeros(4 * n)
# output
import torch
from rnnswap import JANET

n = 16
lstm = JANET(8, n)
lstm.bias_ih_l0.data = torch.cat([torch.zeros(n), torch.ones(n), torch.zeros(2 * n)])
lstm.bias_hh_l0.data.copy_(torch.zeros(4 * n))
with torch.no_grad():
    lstm.bias_ih_l0[:] = torch.zeros(n * 4)
zeros = torch.zeros(4 * n)
# report
5:8 RSW101 LSTM -> JANET
6:1 RSW309 lstm.bias_ih_l0.data = torch.cat([torch.zeros(n), torch.ones(n), torch.zeros(2 * n)]) does not fit janet's weights
7:1 RSW309 lstm.bias_hh_l0.data.copy_(torch.zeros(4 * n)) does not fit janet's weights
9:5 RSW309 lstm.bias_ih_l0[:] = torch.zeros(n * 4) does not fit janet's weights
