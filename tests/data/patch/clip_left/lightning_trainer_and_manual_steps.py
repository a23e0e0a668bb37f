# case: --clip norm:1.0
import lightning


class Model(lightning.LightningModule):
    def training_step(self, batch, index):
        optimizer = self.optimizers()
        self.manual_backward(self(batch))
        torch.nn.utils.clip_grad_norm_(self.parameters(), 2.0)
        optimizer.step()


lightning.Trainer(max_epochs=1)
# report
9:9 RSW213 optimizer.step() kept: gradients are clipped in line 8 already
