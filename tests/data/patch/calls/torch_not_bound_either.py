# case:
from torch.nn import LSTM, functional as F

model = LSTM(8, 16)
y = F.relu(torch.ones(3)) + nn.Linear(3, 3)(x)
# output
from torch.nn import functional as F
from rnnswap import JANET

model = JANET(8, 16)
y = F.relu(torch.ones(3)) + nn.Linear(3, 3)(x)
# report
3:9 RSW101 LSTM -> JANET
