# case:
import torch

rnn = (
    torch  # the library
    .nn.LSTM(8, 16)
)
# report
4:5 RSW212 torch.nn.LSTM kept: a comment stands inside it
