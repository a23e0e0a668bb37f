# case:
import torch


def LSTM(x, n):
    return x * n


y = LSTM(2, 3)
