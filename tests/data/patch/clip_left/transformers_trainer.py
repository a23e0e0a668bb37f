# case: --clip norm:0.5
from transformers import Trainer, TrainingArguments


class Mine(Trainer):
    def compute_loss(self, model, inputs):
        return model(**inputs).loss


Mine(model=model, args=TrainingArguments("out")).train()
# report
9:1 RSW214 Mine(model=model, args=TrainingArguments("out")) kept: the Trainer makes the steps; give its TrainingArguments max_grad_norm=0.5
