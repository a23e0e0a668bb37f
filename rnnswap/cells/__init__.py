"""Recurrent layers with nn.LSTM's contract; `_layer.py` keeps it once for all of them."""
