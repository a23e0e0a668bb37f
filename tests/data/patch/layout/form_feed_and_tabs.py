# case:

import torch.nn as nn

class A:
	def f(self):
		return nn.LSTM(1, 2)

# output

import torch.nn as nn
from rnnswap import JANET

class A:
	def f(self):
		return JANET(1, 2)

# report
6:10 RSW101 nn.LSTM -> JANET
