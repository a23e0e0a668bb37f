# case: --clip norm:1.0
"""A loop."""

from __future__ import annotations

import math
import time


def train_epoch(model, optimizer, batches):
    for x, y in batches:
        loss = model(x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
# output
"""A loop."""

from __future__ import annotations

import math
import time
from torch.nn.utils import clip_grad_norm_


def train_epoch(model, optimizer, batches):
    for x, y in batches:
        loss = model(x, y)
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
        optimizer.step()
# report
14:9 RSW104 clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0) inserted before optimizer.step()
