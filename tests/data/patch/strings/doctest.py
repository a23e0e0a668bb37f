# case:
"""Example.

>>> import torch.nn as nn
>>> nn.LSTM(8, 16)
"""
import torch.nn as nn
