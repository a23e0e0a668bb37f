# case:
import torch.nn as nn  # nn.LSTM

# self.rnn = nn.LSTM(8, 16)
rnn = nn.Linear(8, 16)  # was nn.LSTM(8, 16)
"""
rnn = nn.LSTM(8, 16)
"""
