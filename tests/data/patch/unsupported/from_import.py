# case: --cell mingru
from torch.nn import LSTM

odd = LSTM(8, 16, proj_size=4)
# report
3:7 RSW201 LSTM kept: mingru has no proj_size
