# case:
from torch.nn.modules import rnn

layer = getattr(rnn, "LSTM" if big else "GRU")
other = getattr(rnn, f"{kind}LSTM")
# report
3:9 RSW202 getattr(rnn, "LSTM" if big else "GRU") kept: which class it is shows only at run time
4:9 RSW202 getattr(rnn, f"{kind}LSTM") kept: which class it is shows only at run time
