# case: --clip norm:1.0
accelerator.backward(loss)
if accelerator.sync_gradients:
    accelerator.clip_grad_norm_(model.parameters(), 2.0)
optimizer.step()
# report
4:1 RSW213 optimizer.step() kept: gradients are clipped in line 3 already
