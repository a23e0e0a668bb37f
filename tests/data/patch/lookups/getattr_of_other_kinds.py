# case:
import torch.nn as nn


def build(activation, args, cfg):
    a = getattr(nn, activation)()
    b = getattr(nn, args.norm_type)(8)
    c = getattr(nn, cfg["act_fn"])
    d = getattr(nn, final_activation)(), getattr(nn, "LSTM" + suffix)
    return a, b, c, d, getattr(nn, cfg.loss)(reduction="mean")
# report
8:42 RSW202 getattr(nn, "LSTM" + suffix) kept: which class it is shows only at run time
