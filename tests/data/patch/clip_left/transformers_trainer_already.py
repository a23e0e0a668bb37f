# case: --clip norm:1.0
from transformers import Trainer, TrainingArguments

trainer = Trainer(model, TrainingArguments("out", max_grad_norm=0.5))
# report
3:11 RSW213 Trainer(model, TrainingArguments("out", max_grad_norm=0.5)) kept: gradients are clipped in line 3 already
