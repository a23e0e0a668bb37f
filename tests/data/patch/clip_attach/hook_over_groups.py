# case: --clip hook:-0.1,1.0
from torch.optim import Adam


class Trainer:
	def __init__(self, a, b):
		parameter = a
		self.opt = Adam([{"params": a.parameters()}, {"params": b.parameters()}])
# output
from torch.optim import Adam


class Trainer:
	def __init__(self, a, b):
		parameter = a
		self.opt = Adam([{"params": a.parameters()}, {"params": b.parameters()}])
		for parameter_ in [p for group in self.opt.param_groups for p in group["params"]]:
			if parameter_.requires_grad:
				parameter_.register_hook(lambda gradient: gradient.clamp(-0.1, 1.0))
# report
7:3 RSW104 for parameter_ in [p for group in self.opt.param_groups for p in group["params"]]: if parameter_.requires_grad: parameter_.register_hook(lambda gradient: gradient.clamp(-0.1, 1.0)) inserted after self.opt = Adam([{"params": a.parameters()}, {"params": b.parameters()}])
7:3 RSW313 self.opt = Adam([{"params": a.parameters()}, {"params": b.parameters()}]) may be clipped twice: its steps are not in this file, and clipping may be beside them
