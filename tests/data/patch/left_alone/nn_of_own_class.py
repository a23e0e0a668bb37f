# case:
import torch


class nn:
    LSTM = torch.zeros


rnn = nn.LSTM(8, 16)
