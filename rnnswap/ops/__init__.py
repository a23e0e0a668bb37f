"""Recurrences: one definition in plain PyTorch each, and faster copies tested against it.

Dimensions in this folder: T time steps, B batch, I input size, H hidden size, P projection size.
"""
