"""Writes a clipping policy into the training loops of a file: `rnnswap patch --clip`.

Works on the standard library's tree, so that a file without an LSTM needs no libcst.
"""
