# case: --clip agc-like:0.01
from torch import optim
from rnnswap import clip


class GAN:
    def __init__(self, args):
        self.opt_g = optim.Adam(self.g.parameters())
        if args.sgd:
            self.opt_d = optim.SGD(self.d.parameters(), lr=1)
        else:
            self.opt_d = optim.RMSprop(self.d.parameters()); self.count = 0
        self.opts["e"] = optim.Adam(self.e.parameters())
        self.choice = optim.Adam(self.c.parameters()) if args.adam else optim.SGD(self.c.parameters())
# output
from torch import optim
from rnnswap import clip
import rnnswap


class GAN:
    def __init__(self, args):
        self.opt_g = optim.Adam(self.g.parameters())
        rnnswap.clip.attach("agc-like:0.01", self.opt_g)
        if args.sgd:
            self.opt_d = optim.SGD(self.d.parameters(), lr=1)
            rnnswap.clip.attach("agc-like:0.01", self.opt_d)
        else:
            self.opt_d = optim.RMSprop(self.d.parameters()); rnnswap.clip.attach("agc-like:0.01", self.opt_d); self.count = 0
        self.opts["e"] = optim.Adam(self.e.parameters())
        rnnswap.clip.attach("agc-like:0.01", self.opts["e"])
        self.choice = optim.Adam(self.c.parameters()) if args.adam else optim.SGD(self.c.parameters())
        rnnswap.clip.attach("agc-like:0.01", self.choice)
# report
7:9 RSW104 rnnswap.clip.attach("agc-like:0.01", self.opt_g) inserted after self.opt_g = optim.Adam(self.g.parameters())
7:9 RSW313 self.opt_g = optim.Adam(self.g.parameters()) may be clipped twice: its steps are not in this file, and clipping may be beside them
9:13 RSW104 rnnswap.clip.attach("agc-like:0.01", self.opt_d) inserted after self.opt_d = optim.SGD(self.d.parameters(), lr=1)
9:13 RSW313 self.opt_d = optim.SGD(self.d.parameters(), lr=1) may be clipped twice: its steps are not in this file, and clipping may be beside them
11:13 RSW104 rnnswap.clip.attach("agc-like:0.01", self.opt_d) inserted after self.opt_d = optim.RMSprop(self.d.parameters())
11:13 RSW313 self.opt_d = optim.RMSprop(self.d.parameters()) may be clipped twice: its steps are not in this file, and clipping may be beside them
12:9 RSW104 rnnswap.clip.attach("agc-like:0.01", self.opts["e"]) inserted after self.opts["e"] = optim.Adam(self.e.parameters())
12:9 RSW313 self.opts["e"] = optim.Adam(self.e.parameters()) may be clipped twice: its steps are not in this file, and clipping may be beside them
13:9 RSW104 rnnswap.clip.attach("agc-like:0.01", self.choice) inserted after self.choice = optim.Adam(self.c.parameters()) if args.adam else optim.SGD(self.c.parameters())
13:9 RSW313 self.choice = optim.Adam(self.c.parameters()) if args.adam else optim.SGD(self.c.parameters()) may be clipped twice: its steps are not in this file, and clipping may be beside them
