# case: --cell lstm --clip norm:1.0
import lightning as L
import torch


class Gan(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, index):
        first, second = self.optimizers()
        first_opt, second_opt = first, second
        self.manual_backward(self.loss(batch))
        first_opt.step()
        if index % 2:
            return
        self.manual_backward(self.other(batch))
        second_opt.step()

    def configure_optimizers(self):
        return torch.optim.Adam(self.a.parameters()), torch.optim.Adam(self.b.parameters())
# output
import lightning as L
import torch


class Gan(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, index):
        first, second = self.optimizers()
        first_opt, second_opt = first, second
        self.manual_backward(self.loss(batch))
        torch.nn.utils.clip_grad_norm_([p for group in first_opt.param_groups for p in group["params"]], 1.0)
        first_opt.step()
        if index % 2:
            return
        self.manual_backward(self.other(batch))
        torch.nn.utils.clip_grad_norm_([p for group in second_opt.param_groups for p in group["params"]], 1.0)
        second_opt.step()

    def configure_optimizers(self):
        return torch.optim.Adam(self.a.parameters()), torch.optim.Adam(self.b.parameters())
# report
14:9 RSW104 torch.nn.utils.clip_grad_norm_([p for group in first_opt.param_groups for p in group["params"]], 1.0) inserted before first_opt.step(); with precision 16-mixed, Lightning unscales after that
18:9 RSW104 torch.nn.utils.clip_grad_norm_([p for group in second_opt.param_groups for p in group["params"]], 1.0) inserted before second_opt.step(); with precision 16-mixed, Lightning unscales after that
