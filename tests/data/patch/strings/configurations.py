# case:
config = {"_target_": "torch.nn.LSTM", "input_size": 8}
other = dict(_target_="torch.nn.LSTM", hidden_size=16)
kind: str = "torch.nn.modules.rnn.LSTM"


def build(cls="torch.nn.LSTM"):
    return load(cls)
# report
1:23 RSW211 "torch.nn.LSTM" kept: a string names the class
2:23 RSW211 "torch.nn.LSTM" kept: a string names the class
3:13 RSW211 "torch.nn.modules.rnn.LSTM" kept: a string names the class
6:15 RSW211 "torch.nn.LSTM" kept: a string names the class
