# case: --cell lstm
from rnnswap import JANET, JANETCell

step = JANETCell(8, 16, t_max=784)
layer = JANET(8, 16)


class Step(JANETCell):
    pass
# output
from torch.nn import LSTM, LSTMCell

step = LSTMCell(8, 16)
layer = LSTM(8, 16)


class Step(LSTMCell):
    pass
# report
3:8 RSW101 JANETCell -> LSTMCell
3:8 RSW305 t_max dropped: lstm does not take it
4:9 RSW101 JANET -> LSTM
7:12 RSW103 JANETCell -> LSTMCell
