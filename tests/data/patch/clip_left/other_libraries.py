# case: --clip norm:1.0,p=inf
import lightning.pytorch as pl
from composer import Trainer
from skorch import NeuralNetClassifier
from mine import Trainer as Other

net = NeuralNetClassifier(Module)
pl.Trainer(max_epochs=1)
Trainer(model=model)
Other(model)
# report
6:7 RSW214 NeuralNetClassifier(Module) kept: skorch makes the steps; run the program with rnnswap train --clip norm:1.0,p=inf
7:1 RSW214 pl.Trainer(max_epochs=1) kept: Lightning makes the steps; run the program with rnnswap train --clip norm:1.0,p=inf
8:1 RSW214 Trainer(model=model) kept: composer makes the steps; run the program with rnnswap train --clip norm:1.0,p=inf
