# case: --cell mingru
import torch

step = torch.nn.modules.rnn.LSTMCell(8, 16)
# report
3:8 RSW207 torch.nn.modules.rnn.LSTMCell kept: mingru has no one-step class
