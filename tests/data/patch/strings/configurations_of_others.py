# case:
"""torch.nn.LSTM"""

config = {"_target_": "torch.nn.GRU", "torch.nn.LSTM": 3}
print("torch.nn.LSTM")
kinds = ["torch.nn.LSTM", "my.nn.LSTM"]
kind = "a torch.nn.LSTM"
