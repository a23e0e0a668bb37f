# case:
import torch
import torch.nn.utils.prune as prune
from torch.nn.utils import parametrize

from awd import WeightDrop

lstm = torch.nn.LSTM(8, 16)
raw = lstm.weight_hh_l0
del lstm.weight_hh_l0
lstm.register_parameter("weight_hh_l0_raw", raw)
setattr(lstm, "weight_hh_l0", raw * 0.5)
lstm._parameters.pop("weight_ih_l0")
prune.l1_unstructured(lstm, name="weight_ih_l0", amount=0.5)
parametrize.register_parametrization(lstm, "weight_hh_l0", raw)
print(getattr(lstm, "weight_hh_l0"), raw.dropout)


def forget(weight, name):
    delattr(weight, name)
# output
import torch
import torch.nn.utils.prune as prune
from torch.nn.utils import parametrize

from awd import WeightDrop
from rnnswap import JANET

lstm = JANET(8, 16)
raw = lstm.weight_hh_l0
del lstm.weight_hh_l0
lstm.register_parameter("weight_hh_l0_raw", raw)
setattr(lstm, "weight_hh_l0", raw * 0.5)
lstm._parameters.pop("weight_ih_l0")
prune.l1_unstructured(lstm, name="weight_ih_l0", amount=0.5)
parametrize.register_parametrization(lstm, "weight_hh_l0", raw)
print(getattr(lstm, "weight_hh_l0"), raw.dropout)


def forget(weight, name):
    delattr(weight, name)
# report
7:8 RSW101 torch.nn.LSTM -> JANET
9:1 RSW310 del lstm.weight_hh_l0 takes a weight from janet
10:1 RSW310 lstm.register_parameter("weight_hh_l0_raw", raw) meets janet's weight, of another shape
11:1 RSW310 setattr(lstm, "weight_hh_l0", raw * 0.5) meets janet's weight, of another shape
12:1 RSW310 lstm._parameters.pop("weight_ih_l0") takes a weight from janet
13:1 RSW310 prune.l1_unstructured(lstm, name="weight_ih_l0", amount=0.5) meets janet's weight, of another shape
14:1 RSW310 parametrize.register_parametrization(lstm, "weight_hh_l0", raw) meets janet's weight, of another shape
19:5 RSW310 delattr(weight, name) may take a weight from janet
