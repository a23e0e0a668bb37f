# case: --cell lstm
from rnnswap import JANET


class Layer(JANET):
    def __init__(self):
        super().__init__(8, 16, t_max=100)
# report
4:13 RSW201 JANET kept: lstm has no t_max
