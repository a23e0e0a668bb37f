# case:
from torch.nn import LSTM


class Layer(LSTM):
    def forward(self, x):
        return LSTM.forward(self, x)


print(LSTM.check_forward_args, LSTM.__dict__)
# report
4:13 RSW203 LSTM kept: Layer overrides forward
6:16 RSW203 LSTM kept: it belongs to Layer, whose base is kept
9:7 RSW209 LSTM kept: check_forward_args of the class itself is used
9:32 RSW209 LSTM kept: __dict__ of the class itself is used
