# case:
import torch


def build(config):
    assert config.rnn in ["LSTM", "GRU"]
    return getattr(torch.nn, config.rnn)(8, 16)
# report
6:12 RSW202 getattr(torch.nn, config.rnn) kept: which class it is shows only at run time
