# case: --cell lstm
from rnnswap import JANET

a = JANET(
    8,
    16,
    t_max=784,  # the length
)
# report
3:5 RSW212 JANET kept: a comment stands beside an argument to be dropped
