# case:
import torch.nn as nn

print("LSTM", "nn.LSTM(8, 16)", 'torch.nn.LSTM')
logger.info("using %s", "nn.LSTM")
raise ValueError(f"unknown cell, expected LSTM or {other}")
