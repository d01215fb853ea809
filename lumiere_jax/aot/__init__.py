"""What the TPU compiler says of programs, without a TPU.

topology    names and devices of TPUs that are not here
hlo         the optimised program, read into objects
executions  how often each part of it runs
flops       what products and kernels execute
traffic     bytes that instructions read and write
seconds     where the time goes, by two of the compiler's rulers
collectives what crosses the wires, within slices and between them
memory      what a program that fits needs
verdict     why one does not fit
"""
