"""Grid of generated images."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from skdeep.plotting._panels import check_matplotlib


class SampleDisplay:
    """Grid of images: samples of a generator, or interpolations between them.

    It is recommended to use `from_estimator` to create a display. All parameters are stored as
    attributes.

    Parameters
    ----------
    images : array-like of shape (n_images, height, width) or (n_images, height, width, channels)
        The images, with 1, 3 or 4 channels.

    labels : array-like of shape (n_images,), default=None
        Label of each image: its title, or where all images of each row have the same one, the
        name of the row.

    n_columns : int, default=None
        Number of images per row. If None, the grid is nearly square.

    Attributes
    ----------
    axes_ : ndarray of Axes of shape (n_rows, n_columns)
        Axes with the images.

    figure_ : matplotlib Figure
        Figure containing them.

    See Also
    --------
    skdeep.ImageGAN : A generator of images.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import ImageGAN
    >>> from skdeep.plotting import SampleDisplay
    >>> digits = load_digits()
    >>> gan = ImageGAN(channels=(16, 8), max_iter=1, random_state=0, device="cpu")
    >>> display = SampleDisplay.from_estimator(gan.fit(digits.images, digits.target))
    >>> display.axes_.shape
    (10, 10)
    >>> plt.show()
    """

    axes_: Any
    figure_: Any

    def __init__(self, *, images: Any, labels: Any = None, n_columns: int | None = None):
        self.images = images
        self.labels = labels
        self.n_columns = n_columns

    def plot(
        self, *, cmap: Any = "gray", vmin: float | None = None, vmax: float | None = None
    ) -> Self:
        """Draw the images.

        Parameters
        ----------
        cmap : str, default='gray'
            Matplotlib's colormap of images with one channel.

        vmin, vmax : float, default=None
            Values of the first and the last colour. If None, the minimum and the maximum are used.

        Returns
        -------
        display : SampleDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the images have no height and width, or an invalid number of channels.
        """
        check_matplotlib("SampleDisplay.plot")
        import matplotlib.pyplot as plt

        images = np.asarray(self.images)
        if images.ndim == 3:
            images = images[..., None]
        if images.ndim != 4 or images.shape[3] not in (1, 3, 4):
            raise ValueError(
                f"images of shape {np.shape(self.images)}: expected (n_images, height, width), or "
                "a fourth axis with 1, 3 or 4 channels."
            )
        vmin = images.min() if vmin is None else vmin
        vmax = images.max() if vmax is None else vmax
        n_columns = self.n_columns or int(np.ceil(np.sqrt(len(images))))
        n_rows = -(-len(images) // n_columns)
        labels = None if self.labels is None else np.asarray(self.labels, dtype=object)
        rows = [] if labels is None else np.split(labels, range(n_columns, len(labels), n_columns))
        name_rows = n_columns > 1 and all(len(set(row)) == 1 for row in rows)
        size = (0.8 * n_columns + 0.4, 0.8 * n_rows + 0.2)
        self.figure_, self.axes_ = plt.subplots(
            n_rows, n_columns, figsize=size, squeeze=False, layout="constrained"
        )
        for i, ax in enumerate(self.axes_.flat):
            ax.axis("off")
            if i >= len(images):
                continue
            if images.shape[3] == 1:
                ax.imshow(images[i, ..., 0], cmap=cmap, vmin=vmin, vmax=vmax)
            else:
                shown = (images[i].astype(float) - vmin) / max(float(vmax) - float(vmin), 1e-12)
                ax.imshow(np.clip(shown, 0, 1))
            if labels is not None and not name_rows:
                ax.set_title(str(labels[i]), fontsize="small")
            elif labels is not None and i % n_columns == 0:
                at = {"ha": "right", "va": "center", "transform": ax.transAxes}
                ax.text(-0.1, 0.5, str(labels[i]), **at)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        n_images: int = 100,
        *,
        kind: str = "samples",
        random_state: int | np.random.RandomState | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw images of a fitted generator.

        Parameters
        ----------
        estimator : ImageGAN
            A fitted generator.

        n_images : int, default=100
            Number of images. For a generator with classes the grid has a row for each class, and
            ``n_images // n_classes`` columns.

        kind : {'samples', 'interpolation'}, default='samples'
            Independent samples, or interpolations between samples, ten per row.

        random_state : int, RandomState instance or None, default=None
            Seed of the images; see `ImageGAN.sample`.

        **kwargs : dict
            Keyword arguments of `plot`.

        Returns
        -------
        display : SampleDisplay
        """
        check_matplotlib("SampleDisplay.from_estimator")
        if kind not in ("samples", "interpolation"):
            raise ValueError(f"kind={kind!r}: expected 'samples' or 'interpolation'.")
        if kind == "interpolation":
            images, labels = estimator.interpolate(n_images, random_state=random_state), None
            n_columns = min(n_images, 10)
        elif hasattr(estimator, "classes_"):
            n_columns = max(n_images // len(estimator.classes_), 1)
            labels = np.repeat(estimator.classes_, n_columns)
            images, _ = estimator.sample(len(labels), y=labels, random_state=random_state)
        else:
            images, labels = estimator.sample(n_images, random_state=random_state), None
            n_columns = None
        shown = _as_images(estimator, images)
        return cls(images=shown, labels=labels, n_columns=n_columns).plot(**kwargs)


def _as_images(estimator, images):
    """Convert flat images, and those with channels first, to height, width and channels."""
    if images.ndim == 2:
        return images.reshape(-1, *estimator.image_shape)
    if images.ndim == 4 and estimator.data_format == "channels_first":
        return images.transpose(0, 2, 3, 1)
    return images
