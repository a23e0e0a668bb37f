# case:
import torch.nn as nn

a = r"nn.LSTM\d"
b = b"nn.LSTM"
c = """
nn.LSTM(8, 16)
"""
d = "nn." "LSTM"
