# case: --clip norm:1.0
from learners import Learner
from mine.transformers import Trainer
import transformers_extra

Learner(model)
Trainer(model)
transformers_extra.Trainer(model)
hidden_trainer(model)
create_supervised_trainer(model, optimizer, loss)
