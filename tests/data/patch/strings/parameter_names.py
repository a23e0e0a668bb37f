# case:
import torch.nn as nn


def build(lstm=True, LSTM_size=3, *, use_LSTM=False):
    nnLSTM = LSTM_size
    return {"LSTM": nnLSTM, LSTM_size: use_LSTM, "nn.LSTM": lstm}
