# case:
def load():
    global LSTM
    from torch.nn import LSTM


load()
rnn = LSTM(8, 16)
# report
7:7 RSW208 LSTM kept: a function imports it for others
