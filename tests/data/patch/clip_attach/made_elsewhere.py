# case: --clip agc-like:0.01
import torch


def train(model, optimizer, loss):
    loss.backward()
    optimizer.step()
# report
6:5 RSW214 optimizer.step() kept: its optimizer is made elsewhere, where agc-like:0.01 belongs
