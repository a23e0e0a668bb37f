# case: --clip norm:1.0
from accelerate import Accelerator

accelerator = Accelerator()
for x in data: accelerator.backward(model(x)); optimizer.step()
# report
4:48 RSW214 optimizer.step() kept: it shares its line with other statements
