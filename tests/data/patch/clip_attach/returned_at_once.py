# case: --clip agc-like:0.01
import torch


class Model(L.LightningModule):
    def training_step(self, batch, index):
        return self(batch)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())


optimizers = [torch.optim.Adam(m.parameters()) for m in models]
scheduler = torch.optim.lr_scheduler.StepLR(optimizers[0], 3)
loss_function = torch.nn.MSELoss(reduction="sum")
# report
9:16 RSW214 torch.optim.Adam(self.parameters()) kept: it is given no name, to which agc-like:0.01 could be attached
12:15 RSW214 torch.optim.Adam(m.parameters()) kept: it is given no name, to which agc-like:0.01 could be attached
