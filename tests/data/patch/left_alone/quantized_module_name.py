# case:
import torch

mapping = {torch.nn.GRU: torch.nn.quantized.dynamic.LSTM}
# report
3:12 RSW215 torch.nn.GRU kept: LSTM alone is replaced
