# case: --clip agc-like:0.01
import rnnswap
import torch

rnn = rnnswap.JANET(8, 16)
optimizer = torch.optim.Adam(rnn.parameters())
# output
import rnnswap
import torch

rnn = rnnswap.JANET(8, 16)
optimizer = torch.optim.Adam(rnn.parameters())
rnnswap.clip.attach("agc-like:0.01", optimizer)
# report
5:1 RSW104 rnnswap.clip.attach("agc-like:0.01", optimizer) inserted after optimizer = torch.optim.Adam(rnn.parameters())
5:1 RSW313 optimizer = torch.optim.Adam(rnn.parameters()) may be clipped twice: its steps are not in this file, and clipping may be beside them
