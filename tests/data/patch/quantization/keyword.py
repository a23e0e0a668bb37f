# case:
import torch
from torch import nn

small = torch.ao.quantization.quantize_dynamic(model=net, qconfig_spec={nn.LSTM})
# report
4:73 RSW205 nn.LSTM kept: it stands in a set, as for quantize_dynamic
