# case: --clip norm:1.0
import torch


class Trainer:
    def backward(self, loss):
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)

    def update(self, loss):
        self.optimizer.step()
# report
10:9 RSW213 self.optimizer.step() kept: gradients are clipped in line 7 already
