# case:
import importlib

nn = importlib.import_module(".nn", package="torch")
a = nn.LSTM(8, 16)
b = __import__("torch.nn").LSTM(8, 16)
# report
4:5 RSW202 nn.LSTM kept: what it leads to shows only at run time
