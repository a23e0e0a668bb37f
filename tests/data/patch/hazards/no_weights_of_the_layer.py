# case:
from torch import nn

rnn = nn.LSTM(8, 16)
head = nn.Linear(16, 2)
nn.init.xavier_uniform_(head.weight)
nn.init.orthogonal_(head.weight)
for layer in (head,):
    nn.init.kaiming_normal_(layer.weight)
for name, param in rnn.named_parameters():
    nn.init.uniform_(param, -0.1, 0.1)
double = hidden[2 * n : 4 * n]
del head, half
head.load_state_dict
print(rnn.weight_ih_l0, "weight_hh_l0")


def sizes(n):
    return n // 4, n // 2
# output
from torch import nn
from rnnswap import JANET

rnn = JANET(8, 16)
head = nn.Linear(16, 2)
nn.init.xavier_uniform_(head.weight)
nn.init.orthogonal_(head.weight)
for layer in (head,):
    nn.init.kaiming_normal_(layer.weight)
for name, param in rnn.named_parameters():
    nn.init.uniform_(param, -0.1, 0.1)
double = hidden[2 * n : 4 * n]
del head, half
head.load_state_dict
print(rnn.weight_ih_l0, "weight_hh_l0")


def sizes(n):
    return n // 4, n // 2
# report
3:7 RSW101 nn.LSTM -> JANET
