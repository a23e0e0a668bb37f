# case:
def build(size):
    from torch.nn import Linear
    from torch.nn.modules.rnn import LSTM

    print(getattr(size, "LSTM"), globals()["x"])
    return LSTM(size, size), Linear(size, size)
# output
def build(size):
    from torch.nn import Linear
    from rnnswap import JANET

    print(getattr(size, "LSTM"), globals()["x"])
    return JANET(size, size), Linear(size, size)
# report
6:12 RSW101 LSTM -> JANET
