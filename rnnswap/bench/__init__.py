"""Measures registered cells against nn.LSTM, side by side in one process."""
