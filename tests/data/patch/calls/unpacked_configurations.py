# case:
from dataclasses import asdict

from torch import nn

a = nn.LSTM(**asdict(config))
b = nn.LSTM(8, **dataclasses.asdict(self.config))
c = nn.LSTM(8, 16, **config.as_dict(), batch_first=True)
d = nn.LSTM(**OmegaConf.to_container(cfg.rnn), dropout=0.1).to(device)
# output
from dataclasses import asdict

from torch import nn
from rnnswap import JANET

a = JANET(**asdict(config))
b = JANET(8, **dataclasses.asdict(self.config))
c = JANET(8, 16, **config.as_dict(), batch_first=True)
d = JANET(**OmegaConf.to_container(cfg.rnn), dropout=0.1).to(device)
# report
5:5 RSW101 nn.LSTM -> JANET
6:5 RSW101 nn.LSTM -> JANET
7:5 RSW101 nn.LSTM -> JANET
8:5 RSW101 nn.LSTM -> JANET
