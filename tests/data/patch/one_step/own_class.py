# case:
import torch


class LSTMCell(torch.nn.Module):
    pass


step = LSTMCell()
