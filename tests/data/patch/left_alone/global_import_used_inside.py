# case:
def load():
    global nn
    import torch.nn as nn

    return nn.LSTM(1, 2)


load()
rnn = nn.LSTM(8, 16)
# report
5:12 RSW208 nn.LSTM kept: a function imports it for others
9:7 RSW208 nn.LSTM kept: a function imports it for others
