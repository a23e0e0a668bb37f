# case:
rnn = nn.LSTM(8, 16)
other = torch.nn.LSTM(8, 16)
# report
1:7 RSW206 nn.LSTM kept: no import in this file binds nn
2:9 RSW206 torch.nn.LSTM kept: no import in this file binds torch
