# case:
import torch.nn as nn

for LSTM in (1, 2):
    print(LSTM)
with open("x") as LSTM:
    LSTM.read()
try:
    pass
except OSError as LSTM:
    print(LSTM)
if (LSTM := 3) > 2:
    print(LSTM)
