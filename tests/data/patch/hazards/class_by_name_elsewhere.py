# case:
import torch


def weights_init(module):
    if module.__class__.__name__ in ["LSTM", "GRU"]:
        for name, param in module.named_parameters():
            if "weight" in name:
                torch.nn.init.orthogonal_(param)


def count(model, kind):
    return kind == "LSTM"
# report
5:8 RSW311 module.__class__.__name__ in ["LSTM", "GRU"] does not see janet
