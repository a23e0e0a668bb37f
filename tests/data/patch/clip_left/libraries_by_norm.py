# case: --clip norm:1.0
import pytorch_lightning as pl
from composer import Trainer
from skorch import NeuralNetClassifier

net = NeuralNetClassifier(Module)
pl.Trainer(max_epochs=1)
Trainer(model=model)
# report
5:7 RSW214 NeuralNetClassifier(Module) kept: skorch makes the steps; give the net callbacks=[GradientNormClipping(1.0)]
6:1 RSW214 pl.Trainer(max_epochs=1) kept: Lightning makes the steps; give its Trainer gradient_clip_val=1.0, gradient_clip_algorithm='norm'
7:1 RSW214 Trainer(model=model) kept: composer makes the steps; give its Trainer algorithms=[GradientClipping('norm', 1.0)]
