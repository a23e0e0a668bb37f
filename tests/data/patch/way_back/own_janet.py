# case: --cell lstm
from mine import IndRNN


class JANET:
    pass


a = JANET()
b = IndRNN(8, 16)
