# case:
import torch.nn as nn


class BiLSTM(nn.Module):
    """Not nn.LSTM."""

    def __init__(self, LSTM_layers=1):
        super().__init__()
        self.LSTM_layers = nn.ModuleList(nn.Linear(1, 1) for _ in range(LSTM_layers))
        self.lstm = StackedLSTM(self.LSTM_layers)


model = BiLSTM()
convLSTM = ConvLSTM(model)
