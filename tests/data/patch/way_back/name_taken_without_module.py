# case: --cell lstm
from torch.nn import Module
from rnnswap import JANET


class LSTM(Module):
    pass


rnn = JANET(8, 16)
# output
from torch.nn import Module
from torch.nn import LSTM as TorchLSTM


class LSTM(Module):
    pass


rnn = TorchLSTM(8, 16)
# report
9:7 RSW101 JANET -> TorchLSTM
