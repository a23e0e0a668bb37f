# case: --clip norm:1.0
import torch


def update(optimizer, closure):
    optimizer.step(closure)
    optimizer.step(lambda: loss())
    optimizer.step(self.closure)


def evaluate():
    return compute()


optimizer.step(evaluate)


def returns():
    if big:
        loss.backward()
        return loss
    return None


optimizer.step(returns)
# report
5:5 RSW214 optimizer.step(closure) kept: closure is no function of this file
6:5 RSW214 optimizer.step(lambda: loss()) kept: what it is given is no function of this file
7:5 RSW214 optimizer.step(self.closure) kept: what it is given is no function of this file
14:1 RSW214 optimizer.step(evaluate) kept: evaluate runs no backward that can be seen
24:1 RSW214 optimizer.step(returns) kept: returns returns from beside its backward
