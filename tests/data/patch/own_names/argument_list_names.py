# case:
def build(*LSTM, **nn):
    return LSTM[0], nn["LSTM"], nn.LSTM
