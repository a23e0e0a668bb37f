# case:
#!/usr/bin/env python
# -*- coding: utf-8 -*-
"""Docstring."""
from __future__ import print_function
import torch.nn as nn
import os
os.environ["A"] = "1"
from utils import x
rnn = nn.LSTM(1, 2)
# output
#!/usr/bin/env python
# -*- coding: utf-8 -*-
"""Docstring."""
from __future__ import print_function
import torch.nn as nn
import os
from rnnswap import JANET
os.environ["A"] = "1"
from utils import x
rnn = JANET(1, 2)
# report
9:7 RSW101 nn.LSTM -> JANET
