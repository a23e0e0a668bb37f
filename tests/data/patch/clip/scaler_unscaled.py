# case: --clip value:0.1
import torch


class Trainer:
    def __init__(self, net):
        self.net = net
        self.optim = torch.optim.SGD(self.net.parameters(), lr=0.1)
        self.scaler = torch.amp.GradScaler("cuda")

    def update(self, loss):
        self.scaler.scale(loss).backward()
        if self.ready:
            self.scaler.unscale_(self.optim)
            log(self.net)
            self.scaler.step(self.optim)
            self.scaler.update()
# output
import torch


class Trainer:
    def __init__(self, net):
        self.net = net
        self.optim = torch.optim.SGD(self.net.parameters(), lr=0.1)
        self.scaler = torch.amp.GradScaler("cuda")

    def update(self, loss):
        self.scaler.scale(loss).backward()
        if self.ready:
            self.scaler.unscale_(self.optim)
            log(self.net)
            torch.nn.utils.clip_grad_value_(self.net.parameters(), 0.1)
            self.scaler.step(self.optim)
            self.scaler.update()
# report
15:13 RSW104 torch.nn.utils.clip_grad_value_(self.net.parameters(), 0.1) inserted before self.scaler.step(self.optim)
