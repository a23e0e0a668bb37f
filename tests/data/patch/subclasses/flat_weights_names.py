# case:
import torch.nn as nn


class Layer(nn.LSTM):
    def names(self):
        return self._flat_weights_names
# report
4:13 RSW203 nn.LSTM kept: Layer touches _flat_weights_names
