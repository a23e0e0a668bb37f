# case:
import types

nn = types.SimpleNamespace()
nn.LSTM = object
rnn = nn.LSTM()
