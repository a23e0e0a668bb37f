# case: --clip norm:0.5
import lightning as L
import torch


class Model(L.LightningModule):
    def training_step(self, batch, index):
        return self(batch)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())
# report
9:5 RSW214 Model.configure_optimizers kept: Lightning makes the steps; give its Trainer gradient_clip_val=0.5, gradient_clip_algorithm='norm'
