# case:
from torch.nn import LSTM


class WeightDrop(LSTM):
    def reset(self):
        self._flat_weights = [w * 0 for w in self._flat_weights]
# report
4:18 RSW203 LSTM kept: WeightDrop touches _flat_weights
