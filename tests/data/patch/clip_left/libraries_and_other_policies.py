# case: --clip agc:0.01
from fastai.vision.all import *
from transformers import Trainer

Trainer(model)
Learner(dls, model)
# report
4:1 RSW214 Trainer(model) kept: the Trainer makes the steps; run the program with rnnswap train --clip agc:0.01
5:1 RSW214 Learner(dls, model) kept: fastai makes the steps; run the program with rnnswap train --clip agc:0.01
