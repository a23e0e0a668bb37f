# case:
from torch.nn import LSTM, Linear
from torch.quantization import quantize_dynamic

small = quantize_dynamic(net, {LSTM, Linear})
# report
4:32 RSW205 LSTM kept: it stands in a set, as for quantize_dynamic
