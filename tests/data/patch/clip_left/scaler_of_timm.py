# case: --clip value:0.5
from timm.utils import NativeScaler

loss_scaler = NativeScaler()
for x, y in loader:
    loss = criterion(model(x), y)
    loss_scaler(loss, optimizer, clip_grad=args.clip_grad, parameters=model.parameters())
    scaler(x)
    scaled = self.scaler(x, y)
# report
6:5 RSW214 loss_scaler(loss, optimizer, clip_grad=args.clip_grad, parameters=model.parameters()) kept: it makes the step; give it clip_grad=0.5, clip_mode='value'
