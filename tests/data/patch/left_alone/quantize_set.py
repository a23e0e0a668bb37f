# case:
import torch
from torch import nn
from torch.quantization import quantize_dynamic

layers = {nn.LSTM, nn.Linear}


def shrink(model):
    torch.quantization.quantize_dynamic(model, {nn.LSTM: None})
    return quantize_dynamic(model, {nn.LSTM, nn.Linear}, dtype=torch.qint8)
# report
5:11 RSW205 nn.LSTM kept: it stands in a set, as for quantize_dynamic
9:49 RSW205 nn.LSTM kept: it tells quantize_dynamic what to quantize
10:37 RSW205 nn.LSTM kept: it stands in a set, as for quantize_dynamic
