# case: --clip norm:1.0
import torch

größe = "ä"; optimizer.step()  # Schritt
# output
import torch

größe = "ä"; torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0); optimizer.step()  # Schritt
# report
3:14 RSW104 torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
3:14 RSW313 optimizer.step() may be clipped twice: its backward is not in this file, and clipping may be beside it
