"""Replay cases of the fuzzer: ``python tests/fuzz/replay.py ESTIMATOR SEED [LAST_SEED]``.

One seed is shown in words; a range is searched, and each fault is shown with its first seed.
"""

import sys
import time

import torch
from fuzz_cases import NAMES, case_of


def main(names, first, last=None):
    torch.set_num_threads(1)
    for name in NAMES if names == "all" else names.split(","):
        if last is None:
            print(case_of(name, int(first)).run())
            continue
        found, start, n_bad = {}, time.process_time(), 0
        for seed in range(int(first), int(last)):
            case = case_of(name, seed).run()
            n_bad += bool(case.faults)
            for fault in case.faults:
                found.setdefault(fault.key, (seed, fault))
        n = int(last) - int(first)
        print(f"{name}: {n_bad} of {n} wrong, {time.process_time() - start:.1f} s")
        for seed, fault in found.values():
            print(f"    {seed}: {fault}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
