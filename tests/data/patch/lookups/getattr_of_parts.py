# case:
import torch.nn as nn

kind, act = "LS", "Re"
a = getattr(nn, f"{kind}TM")(4, 8)
b = getattr(nn, kind + "TM")(4, 8)
c = getattr(nn, f"{act}LU")()
d = getattr(nn, act + "LU")()
e = getattr(nn, "L" + f"{kind[1:]}TM" + "Cell")
f = getattr(nn, "LST" "M")(4, 8)
# report
4:5 RSW202 getattr(nn, f"{kind}TM") kept: which class it is shows only at run time
5:5 RSW202 getattr(nn, kind + "TM") kept: which class it is shows only at run time
8:5 RSW202 getattr(nn, "L" + f"{kind[1:]}TM" + "Cell") kept: which class it is shows only at run time
9:5 RSW202 getattr(nn, "LST" "M") kept: the class is looked up by getattr
