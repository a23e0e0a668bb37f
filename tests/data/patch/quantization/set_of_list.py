# case:
import torch
import torch.nn as nn

small = torch.quantization.quantize_dynamic(net, set([nn.LSTM, nn.Linear]), dtype=torch.qint8)
layers = {nn.LSTM}
again = torch.ao.quantization.quantize_dynamic(net, layers)
# report
4:55 RSW205 nn.LSTM kept: it tells quantize_dynamic what to quantize
5:11 RSW205 nn.LSTM kept: it stands in a set, as for quantize_dynamic
