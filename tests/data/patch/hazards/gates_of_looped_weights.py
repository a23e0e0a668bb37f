# case:
import torch
from torch import nn

lstm = nn.LSTM(8, 16)
for name, param in lstm.named_parameters():
    if name.startswith("bias"):
        i, f, g, o = param.chunk(4)
        f.data.fill_(1)
        name.split("_")
w = lstm.weight_hh_l0
i, f, g, o = torch.split(w, 16)
forget = w[16:32]
i, f, g, o = lstm.bias_ih_l0.split(lstm.hidden_size, 0)
x, y = lstm(torch.zeros(4, 1, 8))[0].split(2)
rows, halves = w.shape[0] / 4, x.size(0) / 4
bound = (6 / (w.size(0) / 4 + w.size(1))) ** 0.5
weights = lstm._flat_weights
out = torch.chunk(lstm.weight_ih_l0, 4)
hidden = lstm.weight_hh_l0.shape[0] // 4
weight = lstm.weight_ih_l0
hidden = weight.size(0) / 4
groups = conv.weight.size(0) // 4
# output
import torch
from torch import nn
from rnnswap import JANET

lstm = JANET(8, 16)
for name, param in lstm.named_parameters():
    if name.startswith("bias"):
        i, f, g, o = param.chunk(4)
        f.data.fill_(1)
        name.split("_")
w = lstm.weight_hh_l0
i, f, g, o = torch.split(w, 16)
forget = w[16:32]
i, f, g, o = lstm.bias_ih_l0.split(lstm.hidden_size, 0)
x, y = lstm(torch.zeros(4, 1, 8))[0].split(2)
rows, halves = w.shape[0] / 4, x.size(0) / 4
bound = (6 / (w.size(0) / 4 + w.size(1))) ** 0.5
weights = lstm._flat_weights
out = torch.chunk(lstm.weight_ih_l0, 4)
hidden = lstm.weight_hh_l0.shape[0] // 4
weight = lstm.weight_ih_l0
hidden = weight.size(0) / 4
groups = conv.weight.size(0) // 4
# report
4:8 RSW101 nn.LSTM -> JANET
7:22 RSW301 param.chunk(4) assumes LSTM's four gates; janet has others
11:14 RSW301 torch.split(w, 16) assumes LSTM's four gates; janet has others
12:10 RSW301 w[16:32] assumes LSTM's four gates; janet has others
13:14 RSW301 lstm.bias_ih_l0.split(lstm.hidden_size, 0) assumes LSTM's four gates; janet has others
17:11 RSW307 lstm._flat_weights janet's are of other shapes than LSTM's
18:7 RSW301 torch.chunk(lstm.weight_ih_l0, 4) assumes LSTM's four gates; janet has others
19:10 RSW301 lstm.weight_hh_l0.shape[0] // 4 assumes LSTM's four gates; janet has others
19:10 RSW309 lstm.weight_hh_l0.shape is another in janet
21:10 RSW301 weight.size(0) / 4 assumes LSTM's four gates; janet has others
