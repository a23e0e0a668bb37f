# case: --clip norm:1.0
import gym
import torch

env = gym.make("CartPole-v1")
observation, reward, done, info = env.step(agent.act(observation))
with torch.profiler.profile() as prof:
    prof.step()
simulation.step()
ema_model.step(model)
progress.step()
warmup.step()
