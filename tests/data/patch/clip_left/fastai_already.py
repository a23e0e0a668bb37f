# case: --clip norm:1.0
from fastai.vision.all import *

learn = vision_learner(dls, resnet18, cbs=GradientClip(0.5))
# report
3:9 RSW213 vision_learner(dls, resnet18, cbs=GradientClip(0.5)) kept: gradients are clipped in line 3 already
