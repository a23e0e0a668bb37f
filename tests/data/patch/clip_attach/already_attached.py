# case: --clip hook:-1,1
from torch import optim
from rnnswap.clip import attach


class Trainer:
    def __init__(self, net):
        self.optimizer = optim.Adam(net.parameters())
        attach("norm:1.0", self.optimizer)

    def update(self, loss):
        loss.backward()
        self.optimizer.step()
# report
7:9 RSW213 self.optimizer = optim.Adam(net.parameters()) kept: gradients are clipped in line 8 already
