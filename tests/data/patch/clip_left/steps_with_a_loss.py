# case: --clip norm:1.0
import torch


class Agent:
    def learn(self, loss):
        self.optim.step(loss)
        self.optim.step(loss, retain_graph=True)
        self.optim.step(**self.arguments)
# report
6:9 RSW214 self.optim.step(loss) kept: loss is no function of this file
7:9 RSW214 self.optim.step(loss, retain_graph=True) kept: loss is no function of this file
8:9 RSW214 self.optim.step(**self.arguments) kept: what it is given is no function of this file
