"""Make the pictures of README.md: the first figure of each example that it shows.

    python examples/docs/pictures.py [NAME ...]

NAME is that of a picture, such as digits_cnn; without names all are made anew.
"""

import io
import re
import runpy
import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
from PIL import Image

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "examples" / "images"
WIDTH = 480  # pixels


def shown_in_readme():
    """Names of the pictures in README.md, in order."""
    found = re.findall(r"examples/images/(\w+)\.png", (ROOT / "README.md").read_text())
    return list(dict.fromkeys(found))


def make(name):
    """Run the example and write its first figure in 256 colours, as PNG."""
    plt.close("all")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
        runpy.run_path(str(ROOT / "examples" / f"plot_{name}.py"))
    figure = plt.figure(plt.get_fignums()[0])
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=2 * WIDTH / figure.get_figwidth())
    image = Image.open(buffer).convert("RGB")
    image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.LANCZOS)
    IMAGES.mkdir(exist_ok=True)
    image.quantize(256).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    plt.switch_backend("Agg")
    for name in sys.argv[1:] or shown_in_readme():
        make(name)
