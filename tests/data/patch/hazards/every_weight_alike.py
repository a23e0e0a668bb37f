# case: --cell indrnn
import torch.nn as nn
from torch.nn import init


def by_name(rnn):
    for name, param in rnn.named_parameters():
        if "weight_hh" in name:
            nn.init.orthogonal_(param)
        elif "weight_ih" in name:
            init.xavier_uniform_(param.data)
        elif "bias" in name:
            nn.init.zeros_(param)


def by_dimension(rnn):
    for param in rnn.parameters():
        if len(param.shape) >= 2:
            init.orthogonal_(param.data)
        else:
            init.normal_(param.data)


def by_list(rnn):
    for names in rnn._all_weights:
        for name in names:
            if name.startswith("weight"):
                init.kaiming_normal_(getattr(rnn, name))


rnn = nn.LSTM(8, 16)
# output
import torch.nn as nn
from torch.nn import init
from rnnswap import IndRNN


def by_name(rnn):
    for name, param in rnn.named_parameters():
        if "weight_hh" in name:
            nn.init.orthogonal_(param)
        elif "weight_ih" in name:
            init.xavier_uniform_(param.data)
        elif "bias" in name:
            nn.init.zeros_(param)


def by_dimension(rnn):
    for param in rnn.parameters():
        if len(param.shape) >= 2:
            init.orthogonal_(param.data)
        else:
            init.normal_(param.data)


def by_list(rnn):
    for names in rnn._all_weights:
        for name in names:
            if name.startswith("weight"):
                init.kaiming_normal_(getattr(rnn, name))


rnn = IndRNN(8, 16)
# report
8:13 RSW308 nn.init.orthogonal_ meets indrnn's weights too, of other shapes than LSTM's
10:13 RSW308 init.xavier_uniform_ meets indrnn's weights too, of other shapes than LSTM's
18:13 RSW308 init.orthogonal_ meets indrnn's weights too, of other shapes than LSTM's
24:18 RSW307 rnn._all_weights indrnn's are of other shapes than LSTM's
27:17 RSW308 init.kaiming_normal_ meets indrnn's weights too, of other shapes than LSTM's
30:7 RSW101 nn.LSTM -> IndRNN
