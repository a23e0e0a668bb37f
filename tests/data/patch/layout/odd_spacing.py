# case:
import torch.nn   as  nn

x = [ nn . LSTM ( 8,16 ) ,
	nn.LSTM(1,2)] ; y = (nn.LSTM)(3, 4)
z = (nn
     .LSTM(5, 6))
# output
import torch.nn   as  nn
from rnnswap import JANET

x = [ JANET ( 8,16 ) ,
	JANET(1,2)] ; y = (JANET)(3, 4)
z = (JANET(5, 6))
# report
3:7 RSW101 nn.LSTM -> JANET
4:2 RSW101 nn.LSTM -> JANET
4:23 RSW101 nn.LSTM -> JANET
5:6 RSW101 nn.LSTM -> JANET
