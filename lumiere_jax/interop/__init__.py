"""Weights from other frameworks in, ours out.

Numpy and safetensors' format alone: no other framework is imported here, so a
machine that trains needs none.  Tensors are read one at a time, so that weights
of any size pass through little memory.
"""
