# case: --clip agc-like:0.01
import torch
from optimizers import Lookahead, RAdam

optimizer = Lookahead(RAdam(model.parameters()), k=5)
fused: object = torch.optim.Adam(model.parameters(), fused=True)
empty: object
a = b = torch.optim.SGD(model.parameters(), lr=1)
config = {"optim": torch.optim.SGD}
# output
import torch
from optimizers import Lookahead, RAdam
import rnnswap

optimizer = Lookahead(RAdam(model.parameters()), k=5)
rnnswap.clip.attach("agc-like:0.01", optimizer)
fused: object = torch.optim.Adam(model.parameters(), fused=True)
rnnswap.clip.attach("agc-like:0.01", fused)
empty: object
a = b = torch.optim.SGD(model.parameters(), lr=1)
config = {"optim": torch.optim.SGD}
# report
4:1 RSW104 rnnswap.clip.attach("agc-like:0.01", optimizer) inserted after optimizer = Lookahead(RAdam(model.parameters()), k=5)
4:1 RSW313 optimizer = Lookahead(RAdam(model.parameters()), k=5) may be clipped twice: its steps are not in this file, and clipping may be beside them
5:1 RSW104 rnnswap.clip.attach("agc-like:0.01", fused) inserted after fused: object = torch.optim.Adam(model.parameters(), fused=True)
5:1 RSW313 fused: object = torch.optim.Adam(model.parameters(), fused=True) may be clipped twice: its steps are not in this file, and clipping may be beside them
7:9 RSW214 torch.optim.SGD(model.parameters(), lr=1) kept: it is given no name, to which agc-like:0.01 could be attached
