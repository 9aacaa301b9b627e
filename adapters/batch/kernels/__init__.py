"""Numpy kernels, one module a usage: a column of raw bytes to values and a mask of the bad ones."""
