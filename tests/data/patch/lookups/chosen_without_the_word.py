# case:
import torch
from torch import nn


def build(cell, args):
    if args.activation:
        return getattr(nn, args.activation)()
    if args.rnn_type:
        return getattr(nn, args.rnn_type)(8, 16)
    return getattr(torch.nn, cell.upper())(8, 16)
# report
9:16 RSW202 getattr(nn, args.rnn_type) kept: which class it is shows only at run time
10:12 RSW202 getattr(torch.nn, cell.upper()) kept: which class it is shows only at run time
