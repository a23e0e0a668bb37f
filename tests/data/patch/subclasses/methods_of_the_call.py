# case:
from torch import nn


class Checked(nn.LSTM):
    def check_forward_args(self, input, hidden, batch_sizes):
        pass


class Permuted(nn.LSTM):
    def permute_hidden(self, hx, permutation):
        return hx


class Sized(nn.LSTMCell):
    def get_expected_hidden_size(self, input, batch_sizes):
        return (1, 2, 3)


class Set(nn.LSTM):
    def __init__(self, size, run):
        super().__init__(size, size)
        setattr(self, "forward", run)


def untouched(layer):
    return isinstance(layer, (Checked, Permuted, Sized, Set))
# report
4:15 RSW203 nn.LSTM kept: Checked overrides check_forward_args
9:16 RSW203 nn.LSTM kept: Permuted overrides permute_hidden
14:13 RSW203 nn.LSTMCell kept: Sized overrides get_expected_hidden_size
19:11 RSW203 nn.LSTM kept: Set overrides forward
