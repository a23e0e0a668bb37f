# case:
import torch.nn as nn


class Model(nn.Module):
    def build(self, name):
        return getattr(self, "LSTM"), getattr(nn.functional, name), getattr(nn, "GRU")
