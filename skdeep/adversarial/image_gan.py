"""Generator of pictures, against a critic."""

from numbers import Integral

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted

from skdeep import engine, losses
from skdeep._checks import checked_array
from skdeep.adversarial.base import DeepGenerator, seeded
from skdeep.adversarial.image_kinds import PictureKinds
from skdeep.adversarial.play import Play
from skdeep.base.old_estimator import new_random_state
from skdeep.base.old_training import skorch_dataset
from skdeep.data.batches import Batches
from skdeep.inputs.array_checks import refuse_empty
from skdeep.inputs.rows import to_host
from skdeep.metrics import frechet_distance
from skdeep.nets.image_gan import ImageGANNet, initialize
from skdeep.parameters import adversarial as tables
from skdeep.parameters.entry import public
from skdeep.parameters.sizes import layer_sizes

_STEPS = 5000  # of 'auto' epochs
_JUDGED = 1000  # pictures that are compared after each epoch
_N_COMPONENTS = 32  # of held-out pictures, over which they are compared
_AT_A_TIME = 512
_LARGEST, _LARGEST_INTEGER = 1e100, 2**53


@public(tables.IMAGE_GAN, tables.IMAGE_GAN_ATTRIBUTES)
class ImageGAN(PictureKinds, DeepGenerator):
    """Generator of pictures like those of a set, or of its classes.

    A generator makes pictures from random codes; a critic learns to tell them from real ones; the
    generator learns to pass. With y in `fit` both are told the class, and pictures of a class
    can be asked for.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    TabularGAN : Rows of mixed tables.
    skdeep.plotting.SampleDisplay : A grid of made pictures.
    skdeep.metrics : Measures of made pictures.

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
    >>> pictures, labels = gan.fit(digits.images, digits.target).sample(3, y=[0, 1, 2])
    >>> pictures.shape, labels.tolist()
    ((3, 8, 8), [0, 1, 2])
    """

    alpha, dtype, out_activation_ = 0.0, "float32", "tanh"

    def __init__(
        self,
        recipe="r3gan",
        *,
        n_clusters="auto",
        channels=(64, 32, 16),
        latent_size=64,
        gradient_penalty=0.5,
        critic_ratio=1,
        image_shape=None,
        data_format="channels_last",
        batch_size="auto",
        learning_rate_init="auto",
        max_iter="auto",
        ema=0.998,
        beta_2=0.99,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=np.inf,
        tol=0.0,
        gradient_clip_norm=None,
        random_state=None,
        verbose=False,
        device="auto",
        max_time=None,
        skorch_callbacks=None,
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

    def _fit(
        self,
        X,
        y,
        sample_weight,
        validation,
        *,
        incremental=False,
        report=None,
        watched=False,
        in_search=False,
    ):
        pictures = self._check_pictures(X)
        if len(pictures) < 2:
            raise ValueError(
                f"Found array with {len(pictures)} sample(s) while a minimum of 2 is required."
            )
        rng = new_random_state(self.random_state)
        kinds = self._learn_kinds(y, pictures, rng)
        x = self._learn_scale(pictures)
        net = self._new_net(engine.resolve_device(self.device, X), x, rng)
        held_out = None
        if self.early_stopping or watched:
            n = min(int(np.ceil(self.validation_fraction * len(x))), _JUDGED, len(x) - 2)
            if n < 2:
                purpose = "early_stopping=True" if self.early_stopping else "Pruning"
                raise ValueError(
                    f"{purpose}: validation_fraction={self.validation_fraction} of "
                    f"{len(x)} pictures leaves fewer than 2 to judge by, or to learn from."
                )
            order = rng.permutation(len(x))
            held_out, rows = x[order[:n]], order[n:]
            x, kinds = x[rows], kinds[rows]
        device = torch.device(net.device)
        data = (torch.as_tensor(x).to(device), torch.as_tensor(kinds).to(device))
        try:
            fitted = self._train(net, data, held_out, rng, in_search, report)
        except engine.NonFiniteLoss as error:
            raise ValueError(self._explain(error, None, None)) from None
        self._forget_training()
        self.__dict__.update(fitted)
        return self

    def _check_pictures(self, X):
        """Pictures as (n, height, width, channels); how X laid them out is remembered."""
        X = checked_array(to_host(X), dtype="numeric", allow_nd=True, ensure_2d=False)
        refuse_empty(self, X)
        if X.dtype.kind not in "iubf":
            raise ValueError(f"X holds values of type {X.dtype}: expected numbers.")
        self._layout = (X.ndim, X.dtype)
        self.input_shape_ = X.shape[1:]
        if X.ndim == 2 and self.image_shape is not None:
            shape = tuple(int(s) for s in self.image_shape)
            if len(shape) not in (2, 3) or np.prod(shape) != X.shape[1]:
                raise ValueError(
                    f"image_shape={shape}: expected height and width, and channels if there are "
                    f"any, whose product is the number of features, {X.shape[1]}."
                )
            X = X.reshape(-1, *shape)
        if X.ndim not in (3, 4):
            raise ValueError(
                f"X has shape {X.shape}: expected pictures, of shape (n, height, width) or (n, "
                "height, width, channels), or rows with their image_shape."
            )
        if X.ndim == 3:
            return X[..., None]
        return X.transpose(0, 2, 3, 1) if self._is_channels_first() else X

    def _is_channels_first(self):
        return self._layout[0] == 4 and self.data_format == "channels_first"

    def _learn_scale(self, pictures):
        """To [-1, 1], channels first."""
        low, high = float(pictures.min()), float(pictures.max())
        if pictures.dtype == np.uint8:
            low, high = 0.0, 255.0
        largest = max(abs(low), abs(high))
        if largest > (_LARGEST_INTEGER if pictures.dtype.kind in "iu" else _LARGEST):
            raise ValueError(
                f"X holds values up to {largest:.3g}, too large for pictures of {pictures.dtype}: "
                "scale them first."
            )
        self._range = (low, high if high - low > 1 / _LARGEST else low + max(1.0, abs(low)))
        x = pictures.astype(np.float64 if self._is_far() else np.float32)
        x = ((x - low) * (2 / (self._range[1] - low)) - 1).astype(np.float32, copy=False)
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2))

    def _is_far(self):
        """Whether float32 does not tell values of the range apart, or does not have them."""
        low, high = self._range
        largest = max(abs(low), abs(high))
        return largest > 1e30 or high - low < max(1e-3 * largest, 1e-30)

    def _make_module(self, shape, n_outputs, rng):
        net = ImageGANNet(
            [int(s) for s in shape],
            layer_sizes(self.channels, "channels"),
            self.latent_size,
            self._n_kinds,
            self.recipe == "dcgan",
        ).double()
        initialize(net, rng)
        return net

    n_outputs_ = 1

    def _make_loss(self):
        return losses.LogLikelihood()  # the players bring their own

    def _new_net(self, device, X, rng):
        dtype = torch.float32
        module = self._make_module(X.shape[1:], 1, rng).to(dtype).to(device)
        return engine.DeepNet(
            module,
            self._make_loss(),
            players=self._players(),
            callbacks=self._copied_callbacks(),
            device=device,
        ).initialize()

    def _base_rate(self):
        if self.learning_rate_init == "auto":
            return 1e-3 if self.recipe == "r3gan" else 2e-4
        return self.learning_rate_init

    def _players(self):
        beta_1 = 0.0 if self.recipe == "r3gan" else 0.5
        return {
            name: self._player_options(self._base_rate(), beta_1)
            for name in ("generator", "critic")
        }

    def _train(self, net, data, held_out, rng, in_search, report):
        net.resume()
        noise = seeded(net.device, rng)
        n_samples = len(data[0])
        net.batch_size = min(64 if self.batch_size == "auto" else self.batch_size, n_samples)
        batches = Batches(*data, batch_size=net.batch_size, smallest=2)
        n_epochs = -(-_STEPS // len(batches)) if self.max_iter == "auto" else self.max_iter
        try:
            run = self._make_run(net, data, batches, held_out, n_epochs, noise, rng)
            run.interruptible = not in_search
            run.replaces = self.__sklearn_is_fitted__()
            if report is not None:
                run.report = report(lambda run: self._fitted(net.frozen_copy(), run))
            with engine.threads_for(net.batch_size, net.n_parameters):
                run.run()
            made = self._make(net.module_, min(_JUDGED, 4 * n_samples), noise)
            engine.warn_of_collapse(made, data[0][:_JUDGED])
        finally:
            net.finish(keep_moments=False)
        return self._fitted(net, run)

    def _make_run(self, net, data, batches, held_out, n_epochs, noise, rng):
        generator, critic = net.flat_optimizers_
        is_r3gan = self.recipe == "r3gan"
        average = engine.MovingAverage(generator.flat, self.ema if is_r3gan else 0.0)
        play = Play(
            net.module_.generator,
            net.module_.critic,
            "relativistic" if is_r3gan else "vanilla",
            self.gradient_penalty,
            self.latent_size,
            noise,
            conditional=self._n_kinds > 0,
        )

        def follow(t):
            critic.learning_rate = generator.learning_rate
            fall = 0.1 + 0.9 * engine.CURVES["cosine"](t)
            play.penalty = self.gradient_penalty * fall

        def curve(t):
            return 0.25 + 0.75 * engine.CURVES["cosine"](t) if is_r3gan else 1.0

        step = engine.TwoPlayerStep(
            play.generator_loss,
            play.critic_loss,
            generator,
            critic,
            ratio=self.critic_ratio,
            clip=self.gradient_clip_norm,
        )
        judged = self.early_stopping
        return engine.AveragedTraining(
            net,
            step,
            batches,
            average=average,
            schedule=engine.Course(
                generator,
                self._base_rate(),
                n_epochs * len(batches),
                curve,
                [follow] if is_r3gan else [],
                self.max_time,
            ),
            patience=engine.Patience(
                self.tol, self.n_iter_no_change if judged else np.inf, higher_is_better=judged
            ),
            rng=rng,
            curves=engine.Curves([], [], []),
            max_iter=n_epochs,
            early_stopping=judged,
            validator=self._judge(net.module_, average, held_out, rng.randint(2**31 - 1)),
            max_time=self.max_time,
            verbose=self.verbose,
            datasets=(skorch_dataset(net, data), None),
            best=engine.BestAverage(average) if judged else None,
        )

    def _judge(self, module, average, held_out, seed):
        """A function that compares made pictures with held-out ones."""
        if held_out is None:
            return None
        rows = held_out.reshape(len(held_out), -1)
        pca = PCA(min(_N_COMPONENTS, *rows.shape), random_state=seed).fit(rows)
        wanted = pca.transform(rows)
        device = next(module.parameters()).device

        def judge():
            noise = torch.Generator(device=device)
            noise.manual_seed(seed)  # the same codes each time
            with average.applied():
                made = self._make(module, _JUDGED, noise).flatten(1).cpu().numpy()
            distance = frechet_distance(wanted, pca.transform(made))
            return distance, -distance

        return judge

    def _fitted(self, net, run):
        curves = run.curves
        own = [c[0] for c in curves.losses]
        scores = list(curves.scores) if run.early_stopping else None
        return {
            "net_": net,
            "n_iter_": run.n_iter,
            "t_": run.n_seen,
            "loss_": own[-1] if own else np.inf,
            "loss_curve_": own,
            "critic_loss_curve_": [c[1] for c in curves.losses],
            "best_loss_": None if run.early_stopping else min(own, default=np.inf),
            "validation_scores_": scores,
            "best_validation_score_": max(scores) if scores else None,
            "validation_loss_curve_": [-s for s in scores] if scores else None,
        }

    # --- use -------------------------------------------------------------------------------

    @torch.no_grad()
    def _make(self, module, n_samples, noise, kinds=None, codes=None):
        """Pictures in [-1, 1], channels first."""
        generator = module.generator
        dtype = generator.first.weight.dtype
        if kinds is None:
            kinds = self._kinds(None, n_samples, noise)
        if codes is None:
            codes = torch.randn(n_samples, self.latent_size, device=noise.device, generator=noise)
        was_training = generator.training
        generator.eval()
        parts = [
            generator(
                codes[s : s + _AT_A_TIME].to(dtype),
                None if kinds is None else kinds[s : s + _AT_A_TIME],
            )
            for s in range(0, n_samples, _AT_A_TIME)
        ]
        generator.train(was_training)
        return torch.cat(parts)

    def _as_given(self, made):
        """Pictures as X was: its shape, range and type."""
        low, high = self._range
        x = made.cpu().numpy().astype(np.float64 if self._is_far() else np.float32, copy=False)
        x = (x.transpose(0, 2, 3, 1) + 1) * ((high - low) / 2) + low
        rank, dtype = self._layout
        if rank == 2:
            x = x.reshape(len(x), -1)
        elif rank == 3:
            x = x[..., 0]
        elif self._is_channels_first():
            x = x.transpose(0, 3, 1, 2)
        x = np.clip(x, low, high)
        return (np.round(x) if dtype.kind in "iub" else x).astype(dtype)

    def sample(self, n_samples=1, *, y=None, random_state=None):
        """Make pictures.

        Parameters
        ----------
        n_samples : int, default=1
            How many; at least 1.

        y : label or array-like of shape (n_samples,), default=None
            Classes to make; None draws them as often as in `fit`.

        random_state : int, RandomState instance or None, default=None
            Seed of the pictures. None takes the `random_state` of the estimator: with an int
            there, each call makes the same pictures.

        Returns
        -------
        X : ndarray of shape (n_samples, ...)
            Pictures of the shape, range and type of those of `fit`.

        y : ndarray of shape (n_samples,)
            Their classes, only where `fit` was given y.

        Raises
        ------
        ValueError
            If `n_samples` is less than 1, or y has other labels than in `fit`.
        """
        check_is_fitted(self)
        n_samples = self._check_n_samples(n_samples)
        noise = self._noise(random_state)
        kinds = self._kinds(y, n_samples, noise)
        with engine.threads_for(n_samples, self.net_.n_parameters):
            made = self._as_given(self._make(self.net_.module_, n_samples, noise, kinds))
        has_classes = hasattr(self, "classes_")
        return (made, self.classes_[kinds.cpu().numpy()]) if has_classes else made

    def interpolate(self, n_steps=8, *, y=None, random_state=None):
        """Make pictures on the way from one random code to another.

        The way is an arc, for codes between two normal ones are too near to the origin (White,
        2016).

        Parameters
        ----------
        n_steps : int, default=8
            How many, both ends included; at least 2.

        y : label, default=None
            Class of all of them; None draws one (or a cluster, where `fit` had no y).

        random_state : int, RandomState instance or None, default=None
            Seed of the two ends; see `sample`.

        Returns
        -------
        X : ndarray of shape (n_steps, ...)
            Pictures like those of `fit`.

        Raises
        ------
        ValueError
            If `n_steps` is less than 2, or y is no label of `fit`.
        """
        check_is_fitted(self)
        if not isinstance(n_steps, Integral) or n_steps < 2:
            raise ValueError(f"n_steps={n_steps!r}: expected an integer of at least 2.")
        noise = self._noise(random_state)
        kind = self._kinds(y, 1, noise)
        kinds = None if kind is None else kind.expand(n_steps)
        a, b = torch.randn(2, self.latent_size, device=noise.device, generator=noise)
        angle = torch.arccos((a @ b / (a.norm() * b.norm())).clamp(-0.9999, 0.9999))
        t = torch.linspace(0, 1, n_steps, device=noise.device)[:, None]
        codes = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
        return self._as_given(self._make(self.net_.module_, n_steps, noise, kinds, codes))
