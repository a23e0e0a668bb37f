# case:
import torch

mapping = {torch.nn.GRU: torch.nn.quantized.dynamic.LSTM}
