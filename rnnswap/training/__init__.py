"""Runs a training script under swap and clip, and records what happened. Nothing here is public."""
