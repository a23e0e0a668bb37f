# case: --clip norm:1.0
import torch

def train(optimizer, loss, accelerator):
	for x in loss:
		accelerator.backward(x)
		optimizer.step()
# output
import torch

def train(optimizer, loss, accelerator):
	for x in loss:
		accelerator.backward(x)
		if accelerator.sync_gradients:
			accelerator.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
		optimizer.step()
# report
6:3 RSW104 if accelerator.sync_gradients: accelerator.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
