# case:
def load():
    global nn
    import torch

    nn = torch.nn


load()
rnn = nn.LSTM(8, 16)
# report
9:7 RSW208 nn.LSTM kept: a function imports it for others
