# case:
from torch.nn import GRU, LSTM, Linear
from torch.nn.modules.rnn import LSTM as Recurrent

__all__ = ["GRU", "LSTM", "Linear", "Recurrent"]
# report
1:27 RSW210 LSTM kept: imported for others to import or look up
2:34 RSW210 Recurrent kept: imported for others to import or look up
