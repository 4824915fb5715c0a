"""Features of series from convolution kernels that are not trained, and linear models on them."""
