# case: --clip value:0.5
import transformers

trainer = transformers.Seq2SeqTrainer(model)
# report
3:11 RSW214 transformers.Seq2SeqTrainer(model) kept: the Trainer makes the steps; run the program with rnnswap train --clip value:0.5
