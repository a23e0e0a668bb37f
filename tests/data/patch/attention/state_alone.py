# case: --attention soft
import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.rnn = nn.LSTM(8, 16)
        self.other = nn.Linear(16, 4)
        self.later: nn.Module = nn.LSTM(8, 16)
        self.read = nn.LSTM(8, 16)
        self.rows = nn.ModuleList([nn.LSTM(8, 16)])

    def forward(self, x):
        _, (h_n, _) = self.rnn(x)
        output, state = self.rnn(x)
        c_n = self.later(x)[1][1]
        first, last = self.other(x)
        seen, (h, c) = self.read(x)
        both = self.read(x)
        out = self.read(x)[0]
        return h_n[-1] + c_n + seen, both, out

    def names(self, x):
        output, (h, c) = self.rnn(x)
        return [o for o in output], h

    def several(self, x):
        a = b, c = self.rnn(x)
        (p, q), (h, n) = self.rnn(x)
        return h


encoder = nn.LSTM(8, 16)
unread, hidden = encoder(torch.zeros(3, 1, 8))
print(hidden)
# output
import torch
from torch import nn
from rnnswap import JANET, with_attention


class Classifier(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.rnn = with_attention(JANET, "soft")(8, 16)
        self.other = nn.Linear(16, 4)
        self.later: nn.Module = with_attention(JANET, "soft")(8, 16)
        self.read = with_attention(JANET, "soft")(8, 16)
        self.rows = nn.ModuleList([with_attention(JANET, "soft")(8, 16)])

    def forward(self, x):
        _, (h_n, _) = self.rnn(x)
        output, state = self.rnn(x)
        c_n = self.later(x)[1][1]
        first, last = self.other(x)
        seen, (h, c) = self.read(x)
        both = self.read(x)
        out = self.read(x)[0]
        return h_n[-1] + c_n + seen, both, out

    def names(self, x):
        output, (h, c) = self.rnn(x)
        return [o for o in output], h

    def several(self, x):
        a = b, c = self.rnn(x)
        (p, q), (h, n) = self.rnn(x)
        return h


encoder = with_attention(JANET, "soft")(8, 16)
unread, hidden = encoder(torch.zeros(3, 1, 8))
print(hidden)
# report
8:20 RSW101 nn.LSTM -> with_attention(JANET, "soft")
10:33 RSW101 nn.LSTM -> with_attention(JANET, "soft")
11:21 RSW101 nn.LSTM -> with_attention(JANET, "soft")
12:36 RSW101 nn.LSTM -> with_attention(JANET, "soft")
15:23 RSW314 self.rnn(...) is read for (h_n, _) alone, which attention leaves as it is
16:25 RSW314 self.rnn(...) is read for state alone, which attention leaves as it is
17:15 RSW314 self.later(...) is read for its state alone, which attention leaves as it is
34:11 RSW101 nn.LSTM -> with_attention(JANET, "soft")
35:18 RSW314 encoder(...) is read for hidden alone, which attention leaves as it is
