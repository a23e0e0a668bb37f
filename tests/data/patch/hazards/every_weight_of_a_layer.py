# case:
import torch
from torch import nn

lstm = nn.LSTM(8, 16, 2)
for layer in lstm.all_weights:
    for weight in layer:
        weight.data.uniform_(-0.1, 0.1)
names = [name for layer in lstm._all_weights for name in layer]
flat = torch.cat([w.flatten() for group in self.rnn.all_weights for w in group])
# output
import torch
from torch import nn
from rnnswap import JANET

lstm = JANET(8, 16, 2)
for layer in lstm.all_weights:
    for weight in layer:
        weight.data.uniform_(-0.1, 0.1)
names = [name for layer in lstm._all_weights for name in layer]
flat = torch.cat([w.flatten() for group in self.rnn.all_weights for w in group])
# report
4:8 RSW101 nn.LSTM -> JANET
5:14 RSW307 lstm.all_weights janet's are of other shapes than LSTM's
8:28 RSW307 lstm._all_weights janet's are of other shapes than LSTM's
9:44 RSW307 self.rnn.all_weights janet's are of other shapes than LSTM's
