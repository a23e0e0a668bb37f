# case:
def f():
    """Return an nn.LSTM(8, 16).

    >>> nn.LSTM(8, 16)
    """
