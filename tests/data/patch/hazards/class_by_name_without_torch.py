# case:
def is_lstm(layer):
    return layer.__class__.__name__ == "LSTM" or type(layer).__name__.startswith("LSTM")
