# case: --clip norm:1.0
import lightning as L


class Model(L.LightningModule):
    def training_step(self, batch, index):
        opt = self.optimizers()
        self.manual_backward(self(batch))
        self.clip_gradients(opt, gradient_clip_val=0.5, gradient_clip_algorithm="norm")
        opt.step()

    def configure_optimizers(self):
        return make(self)
# report
9:9 RSW213 opt.step() kept: gradients are clipped in line 8 already
