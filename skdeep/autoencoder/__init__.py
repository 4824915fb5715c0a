"""Autoencoders, variational autoencoders and restricted Boltzmann machines."""
