# case: --clip norm:1.0
import torch
from transformers import Trainer, TrainingArguments

arguments = TrainingArguments("out", max_grad_norm=0.5)
optimizer = torch.optim.AdamW(model.parameters())
trainer = Trainer(model, arguments, optimizers=(optimizer, None))
trainer.train()
optimizer.step()
# report
6:11 RSW213 Trainer(model, arguments, optimizers=(optimizer, None)) kept: gradients are clipped in line 4 already
8:1 RSW213 optimizer.step() kept: gradients are clipped in line 4 already
