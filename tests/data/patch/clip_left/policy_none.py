# case: --clip none
import torch

loss.backward()
optimizer.step()
