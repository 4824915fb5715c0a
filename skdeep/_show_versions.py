"""What a bug report needs to say about the software and the devices."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = (
    "skdeep", "scikit-learn", "torch", "skorch", "numpy", "scipy", "pandas", "optuna", "joblib",
    "matplotlib", "rich", "safetensors",
)  # fmt: skip


def show_versions() -> None:
    """Print the versions of skdeep, of what it stands on and of the devices it sees.

    Examples
    --------
    >>> from skdeep import show_versions
    >>> show_versions()  # doctest: +ELLIPSIS
    <BLANKLINE>
    System:
    ...
    """
    import torch

    from skdeep.engine.device import device_names

    print("\nSystem:")
    print(f"      python: {sys.version.split()[0]}")
    print(f"     machine: {platform.platform()}")
    print("\nPython dependencies:")
    for name in _PACKAGES:
        try:
            found = version(name)
        except PackageNotFoundError:
            found = None
        print(f"{name:>12}: {found}")
    print("\nDevices:")
    print(f"     threads: {torch.get_num_threads()}")
    print(f"        cuda: {torch.version.cuda}")
    for name, card in device_names():
        print(f"{name:>12}: {card}")
