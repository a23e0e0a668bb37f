# case:
import lazy_import

torch = lazy_import.lazy_module("torch")
rnn = torch.nn.LSTM(8, 16)
# report
4:7 RSW202 torch.nn.LSTM kept: what it leads to shows only at run time
