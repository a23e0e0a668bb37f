# case:
import torch.nn as nn
from torch.ao.quantization import QConfigMapping, default_dynamic_qconfig, quantize_dynamic

spec = {nn.LSTM: default_dynamic_qconfig, nn.Linear: default_dynamic_qconfig}
model = quantize_dynamic(Model(nn.LSTM(8, 16)), spec)
qconfig_dict = {"object_type": [(nn.LSTM, default_dynamic_qconfig)]}
mapping = QConfigMapping().set_object_type(nn.LSTM, default_dynamic_qconfig)
# output
import torch.nn as nn
from torch.ao.quantization import QConfigMapping, default_dynamic_qconfig, quantize_dynamic
from rnnswap import JANET

spec = {nn.LSTM: default_dynamic_qconfig, nn.Linear: default_dynamic_qconfig}
model = quantize_dynamic(Model(JANET(8, 16)), spec)
qconfig_dict = {"object_type": [(nn.LSTM, default_dynamic_qconfig)]}
mapping = QConfigMapping().set_object_type(nn.LSTM, default_dynamic_qconfig)
# report
4:9 RSW205 nn.LSTM kept: it says what to quantize, and how
5:32 RSW101 nn.LSTM -> JANET
6:34 RSW205 nn.LSTM kept: it says what to quantize, and how
7:44 RSW205 nn.LSTM kept: it says what to quantize, and how
