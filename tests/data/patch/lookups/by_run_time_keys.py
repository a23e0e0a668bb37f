# case:
import torch.nn as nn


def build(kind, activation):
    a = nn.__dict__[kind](8, 16)
    b = vars(nn)[kind](8, 16), vars(nn)[activation], vars(args)[kind]
    c = eval(f"nn.{kind}")(8, 16)
    d = eval("nn." + kind)(8, 16), eval("torch.nn.%s(8, 16)" % kind)
    e = eval(f"optim.{kind}"), table[kind], eval(kind)
    return a, b, c, d, e, kind == "LSTM"
# report
5:9 RSW202 nn.__dict__[kind] kept: which class it is shows only at run time
6:9 RSW202 vars(nn)[kind] kept: which class it is shows only at run time
7:9 RSW202 eval(f"nn.{kind}") kept: which class it is shows only at run time
8:9 RSW202 eval("nn." + kind) kept: which class it is shows only at run time
8:36 RSW202 eval("torch.nn.%s(8, 16)" % kind) kept: which class it is shows only at run time
