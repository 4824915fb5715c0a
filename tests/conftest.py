"""One thread for torch: the suite runs in several processes on few cores."""

import torch

torch.set_num_threads(1)
