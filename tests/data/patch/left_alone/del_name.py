# case:
from torch.nn import LSTM

del LSTM
# report
3:5 RSW209 LSTM kept: the class itself is assigned to or deleted
