# case:
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.nn import LSTM
else:
    LSTM = object

rnn = LSTM
# report
8:7 RSW208 LSTM kept: the name is bound in more than one way
