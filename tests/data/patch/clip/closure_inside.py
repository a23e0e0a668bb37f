# case: --clip value:1.0
import torch


class Fit:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.LBFGS(self.model.parameters())

    def fit(self, x):
        def evaluate():
            self.optimizer.zero_grad()
            loss = self.model(x)
            loss.backward()

            return loss

        return self.optimizer.step(closure=evaluate)
# output
import torch


class Fit:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.LBFGS(self.model.parameters())

    def fit(self, x):
        def evaluate():
            self.optimizer.zero_grad()
            loss = self.model(x)
            loss.backward()
            torch.nn.utils.clip_grad_value_(self.model.parameters(), 1.0)

            return loss

        return self.optimizer.step(closure=evaluate)
# report
17:16 RSW104 torch.nn.utils.clip_grad_value_(self.model.parameters(), 1.0) inserted in the closure of self.optimizer.step(closure=evaluate)
