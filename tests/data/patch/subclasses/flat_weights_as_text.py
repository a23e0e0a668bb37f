# case:
import torch.nn as nn


class Layer(nn.LSTM):
    def drop(self):
        setattr(self, "_flat_weights", [])
# report
4:13 RSW203 nn.LSTM kept: Layer touches _flat_weights
