"""Generator of images, trained against a critic."""

from __future__ import annotations

import functools
from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skdeep import engine
from skdeep._checks import layer_sizes
from skdeep.adversarial import image_play
from skdeep.adversarial.base import (
    DeepGenerator,
    check_n_samples,
    losses_of_play,
    noise_for,
    player_attributes,
    refuse_single_sample,
)
from skdeep.adversarial.image_kinds import (
    automatic_clusters,
    cluster,
    draw_kinds,
    kinds_of,
    learn_classes,
    shares,
)
from skdeep.adversarial.images import ImageScale, range_of, read_images
from skdeep.base.learning import Given, Mode, Plan, Task
from skdeep.inputs.rows import VECTORS, Rows
from skdeep.nets.image_gan import ImageGANNet, initialize
from skdeep.parameters import adversarial as tables
from skdeep.parameters.entry import public


@public(tables.IMAGE_GAN, tables.IMAGE_GAN_ATTRIBUTES)
class ImageGAN(DeepGenerator):
    """Generator of images like those of a training set, or of its classes.

    A generator makes images from random codes, a critic learns to tell them from real ones, and
    the generator learns to pass. With y in `fit` both are conditioned on the class, and images of
    a class can be sampled.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    TabularGAN : Rows of mixed tables.
    skdeep.plotting.SampleDisplay : A grid of synthetic images.
    skdeep.metrics : Measures of synthetic images.

    Notes
    -----
    The networks are strided convolutions as in DCGAN, small enough for a processor; the residual
    blocks of Huang et al. are not among them.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import ImageGAN
    >>> digits = load_digits()
    >>> gan = ImageGAN(channels=(16, 8), max_iter=2, random_state=0, device="cpu")
    >>> images, labels = gan.fit(digits.images, digits.target).sample(3, y=[0, 1, 2])
    >>> images.shape, labels.tolist()
    ((3, 8, 8), [0, 1, 2])
    """

    classes_: np.ndarray
    input_shape_: tuple[int, ...]

    n_outputs_, out_activation_ = 1, "tanh"

    _input = VECTORS

    def __init__(
        self,
        recipe: str = "r3gan",
        *,
        n_clusters: int | Literal["auto"] = "auto",
        channels: ArrayLike = (64, 32, 16),
        latent_size: int = 64,
        gradient_penalty: float = 0.5,
        critic_ratio: int = 1,
        image_shape: ArrayLike | None = None,
        data_format: str = "channels_last",
        batch_size: int | Literal["auto"] = "auto",
        learning_rate_init: float | Literal["auto"] = "auto",
        max_iter: int | Literal["auto"] = "auto",
        ema: float = 0.998,
        beta_2: float = 0.99,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = np.inf,
        tol: float = 0.0,
        gradient_clip_norm: float | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
        device: str | torch.device = "auto",
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.recipe = recipe
        self.n_clusters = n_clusters
        self.channels = channels
        self.latent_size = latent_size
        self.gradient_penalty = gradient_penalty
        self.critic_ratio = critic_ratio
        self.image_shape = image_shape
        self.data_format = data_format
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.ema = ema
        self.beta_2 = beta_2
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.gradient_clip_norm = gradient_clip_norm
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    # --- fit -------------------------------------------------------------------------------

    def _read(
        self, given: Given, mode: Mode, rng: np.random.RandomState
    ) -> tuple[Rows, Rows | None]:
        images = read_images(self, given.X)
        refuse_single_sample(len(images))
        self.__dict__.pop("classes_", None)
        if given.y is None:
            n_clusters = self.n_clusters
            if n_clusters == "auto":
                n_clusters = automatic_clusters(len(images)) if self.recipe == "r3gan" else 1
            kinds = cluster(images, n_clusters, rng)
        else:
            self.classes_, kinds = learn_classes(given.y, images)
        self._kind_share = shares(kinds)
        self._range = range_of(images)
        return Rows(ImageScale(*self._range).scaled(images), kinds), None

    def _module(self, rows: Rows, rng: np.random.RandomState) -> torch.nn.Module:
        n_kinds = int(rows.target.max()) + 1
        net = ImageGANNet(
            [int(s) for s in rows.x.shape[1:]],
            layer_sizes(self.channels, "channels"),
            self.latent_size,
            n_kinds if n_kinds > 1 else 0,
            self.recipe == "dcgan",
        ).double()
        initialize(net, rng)
        return net

    def _plan(
        self, rows: Rows, validation: Rows | None, mode: Mode, rng: np.random.RandomState
    ) -> Plan:
        return image_play.plan(self, rows, mode, rng)

    def _recipe(self, plan: Plan) -> engine.Recipe:
        return image_play.recipe(self, plan)

    def _phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        return [functools.partial(image_play.play, self, task)]

    def _keep(self, task: Task, runs: list) -> dict[str, Any]:
        if not task.net.is_frozen:
            image_play.warn_of_collapse(task, self._kind_share)
        return player_attributes(task, runs, [loss[0] for loss in losses_of_play(runs)])

    # --- use -------------------------------------------------------------------------------

    def _kinds(self, y: Any, n_samples: int, noise: torch.Generator) -> Any:
        """Class numbers of the images to generate, or None for a single class."""
        if y is None:
            return draw_kinds(self._kind_share, n_samples, noise)
        if not hasattr(self, "classes_"):
            raise ValueError("y was given, but fit had none: the images have no classes.")
        return kinds_of(y, self.classes_, n_samples, noise.device)

    def _decoded(self, codes: torch.Tensor, kinds: torch.Tensor | None) -> np.ndarray:
        """Images of codes, in the layout of X in `fit`."""
        made = image_play.decode(self.net_.module_, codes, kinds).cpu().numpy()
        rank, dtype = self._layout
        is_first = self.data_format == "channels_first"
        return ImageScale(*self._range).unscaled(made, rank, dtype, is_first)

    def sample(
        self,
        n_samples: int = 1,
        *,
        y: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Sample images.

        Parameters
        ----------
        n_samples : int, default=1
            How many; at least 1.

        y : label or array-like of shape (n_samples,), default=None
            Classes of the images; None samples them as often as in `fit`.

        random_state : int, RandomState instance or None, default=None
            Seed of the images. None takes the `random_state` of the estimator: with an int
            there, each call returns the same images.

        Returns
        -------
        X : ndarray of shape (n_samples, ...)
            Images of the shape, range and type of those of `fit`.

        y : ndarray of shape (n_samples,)
            Their classes, only where `fit` was given y.

        Raises
        ------
        ValueError
            If `n_samples` is less than 1, or y has other labels than in `fit`.
        """
        check_is_fitted(self)
        n_samples, noise = check_n_samples(n_samples), noise_for(self, random_state)
        kinds = self._kinds(y, n_samples, noise)
        with engine.threads_for(n_samples, self.net_.n_parameters):
            codes = image_play.draw_codes(self.net_.module_, n_samples, noise)
            made = self._decoded(codes, kinds)
        has_classes = hasattr(self, "classes_")
        return (made, self.classes_[kinds.cpu().numpy()]) if has_classes else made

    def interpolate(
        self,
        n_steps: int = 8,
        *,
        y: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> np.ndarray:
        """Sample images between two random codes.

        The codes lie on an arc, since those on a straight line between two normal ones are too
        near to the origin (White, 2016).

        Parameters
        ----------
        n_steps : int, default=8
            How many, both ends included; at least 2.

        y : label, default=None
            Class of all of them; None samples one (or a cluster, where `fit` had no y).

        random_state : int, RandomState instance or None, default=None
            Seed of the two ends; see `sample`.

        Returns
        -------
        X : ndarray of shape (n_steps, ...)
            Images like those of `fit`.

        Raises
        ------
        ValueError
            If `n_steps` is less than 2, or y is not a label of `fit`.
        """
        check_is_fitted(self)
        if not isinstance(n_steps, Integral) or n_steps < 2:
            raise ValueError(f"n_steps={n_steps!r}: expected an integer of at least 2.")
        noise = noise_for(self, random_state)
        kind = self._kinds(y, 1, noise)
        kinds = None if kind is None else kind.expand(n_steps)
        a, b = image_play.draw_codes(self.net_.module_, 2, noise)
        angle = torch.arccos((a @ b / (a.norm() * b.norm())).clamp(-0.9999, 0.9999))
        t = torch.linspace(0, 1, int(n_steps), device=noise.device)[:, None]
        codes = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
        return self._decoded(codes, kinds)
