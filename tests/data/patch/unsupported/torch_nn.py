# case: --cell mingru
import torch

odd = torch.nn.LSTM(
    8, 16,
    proj_size=4,  # projected
)
# report
3:7 RSW201 torch.nn.LSTM kept: mingru has no proj_size
