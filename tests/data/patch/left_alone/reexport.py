# case:
from torch.nn import LSTM
# report
1:22 RSW210 LSTM kept: imported for others to import or look up
