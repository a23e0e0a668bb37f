# case:
class Model(nn.Module):
    def __init__(self):
        self.rnn = nn.modules.rnn.LSTM(8, 16)
# report
3:20 RSW206 nn.modules.rnn.LSTM kept: no import in this file binds nn
