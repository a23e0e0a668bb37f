# case: --clip norm:1.0
from fastai.vision.all import *

learn = vision_learner(dls, resnet18, metrics=error_rate)
learn.fine_tune(1)
other = Learner(dls, model, cbs=callbacks)
# report
3:9 RSW214 vision_learner(dls, resnet18, metrics=error_rate) kept: fastai makes the steps; give the Learner cbs=GradientClip(1.0)
5:9 RSW214 Learner(dls, model, cbs=callbacks) kept: fastai makes the steps; give the Learner cbs=GradientClip(1.0)
