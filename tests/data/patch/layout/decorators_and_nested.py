# case:
import torch


@torch.no_grad()
def outer():
    def inner(size: int = 3, *, cell=torch.nn.LSTM) -> torch.nn.LSTM:
        async def deeper():
            return [torch.nn.LSTM(i, size) async for i in source()]
        return cell(size, size)
    return inner
# output
import torch
from rnnswap import JANET


@torch.no_grad()
def outer():
    def inner(size: int = 3, *, cell=JANET) -> JANET:
        async def deeper():
            return [JANET(i, size) async for i in source()]
        return cell(size, size)
    return inner
# report
6:38 RSW102 torch.nn.LSTM -> JANET
6:56 RSW102 torch.nn.LSTM -> JANET
8:21 RSW101 torch.nn.LSTM -> JANET
