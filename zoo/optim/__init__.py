"""Optimizers, their rates, and what several processes agree on."""
