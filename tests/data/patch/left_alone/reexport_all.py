# case:
from torch.nn import LSTM as LSTM, GRU as GRU

__all__ = ["LSTM", "GRU"]
# report
1:22 RSW210 LSTM kept: imported for others to import or look up
