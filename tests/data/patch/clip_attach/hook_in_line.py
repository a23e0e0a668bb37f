# case: --clip hook:-1,1
import torch; optimizer = torch.optim.Adam(model.parameters())
# report
1:15 RSW214 optimizer = torch.optim.Adam(model.parameters()) kept: it shares its line with other statements
