# case: --clip value:0.5
import pytorch_lightning as pl
import torch


class Model(pl.LightningModule):
    def training_step(self, batch, index):
        return self(batch)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())


trainer = pl.Trainer(gradient_clip_val=1.0)
# report
9:5 RSW213 Model.configure_optimizers kept: gradients are clipped in line 13 already
