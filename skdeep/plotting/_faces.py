"""Shared functions of displays of anomaly scores, reconstructions and codes."""

from skdeep.plotting._panels import check_matplotlib


def axes_for(caller, ax):
    """Return `ax`, or new axes if it is None."""
    check_matplotlib(caller)
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]
