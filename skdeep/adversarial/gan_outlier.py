"""Outlier detection by what a generator cannot make."""

import copy
from numbers import Integral

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from skdeep import engine, losses
from skdeep._checks import checked_array
from skdeep.adversarial.base import DeepGenerator, seeded
from skdeep.adversarial.play import Play
from skdeep.base.old_estimator import new_random_state
from skdeep.base.old_training import skorch_dataset
from skdeep.base.outliers import OutlierAnswers
from skdeep.data.batches import Batches
from skdeep.inputs.array_checks import list_of_arrays, refuse_empty
from skdeep.inputs.rows import check_rows, to_host
from skdeep.nets.latent_gan import LatentGANNet, initialize
from skdeep.parameters import adversarial as tables
from skdeep.parameters.entry import public
from skdeep.parameters.sizes import layer_sizes

_ROWS_AT_A_TIME = 1024
_FEWEST = 20  # rows from which some are held out for the offset
_PRIOR = 0.02  # weight of a code's distance from the origin in the search
_SQUARED = 1e100  # numbers up to which squares, and sums of them, are finite
_LARGEST = 10.0  # standard deviations to which inputs are clipped, softly


@public(tables.GAN_OUTLIER, tables.GAN_OUTLIER_ATTRIBUTES)
class GANOutlierDetector(OutlierAnswers, DeepGenerator):
    """Outlier detection by a search for the code of each row (AnoGAN).

    A generator learns, against a critic, to make rows like those of `fit`, and an encoder to
    find the code from which it makes a given row. The score of a row is how far the best row that
    the generator can make is from it: the search starts at the encoder's answer and goes on
    by gradient, for all rows of a call at once.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    sklearn.ensemble.IsolationForest : Splits at random instead of a network.

    Notes
    -----
    The score is that of AnoGAN (Schlegl et al., IPMI 2017), the encoder that of f-AnoGAN (Schlegl
    et al., 2019, "izi_f"), the windows those of TAnoGAN (Bashar and Nayak, 2020). The encoder is
    trained on real and on made rows. Codes far from the origin, which the generator was never
    asked for, cost a little. Scores are computed in double precision. Distances to neighbours
    often do better on tables; they need all rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep import GANOutlierDetector
    >>> a = np.random.RandomState(0).normal(size=(300, 1))
    >>> X = np.hstack([a, -a, 2 * a])
    >>> detector = GANOutlierDetector(
    ...     hidden_layer_sizes=(64, 64), latent_size=1, learning_rate_init=0.003, max_iter=200,
    ...     random_state=0, device="cpu",
    ... ).fit(X)
    >>> detector.predict([[1.0, 1.0, 2.0], [1.0, -1.0, 2.0]])
    array([-1,  1])
    """

    early_stopping, tol, alpha, dtype = False, 0.0, 0.0, "float32"
    out_activation_ = "identity"

    def __init__(
        self,
        network="dense",
        hidden_layer_sizes=(256, 256),
        *,
        latent_size="auto",
        loss="auto",
        gradient_penalty=1.0,
        critic_ratio=1,
        cycle_weight="auto",
        feature_weight=0.1,
        search_steps=20,
        search_learning_rate=0.05,
        contamination="auto",
        batch_size="auto",
        learning_rate_init=0.001,
        max_iter="auto",
        ema=0.99,
        beta_2=0.99,
        validation_fraction=0.1,
        gradient_clip_norm=None,
        random_state=None,
        verbose=False,
        device="auto",
        max_time=None,
        skorch_callbacks=None,
    ):
        self.network = network
        self.hidden_layer_sizes = hidden_layer_sizes
        self.latent_size = latent_size
        self.loss = loss
        self.gradient_penalty = gradient_penalty
        self.critic_ratio = critic_ratio
        self.cycle_weight = cycle_weight
        self.feature_weight = feature_weight
        self.search_steps = search_steps
        self.search_learning_rate = search_learning_rate
        self.contamination = contamination
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.ema = ema
        self.beta_2 = beta_2
        self.validation_fraction = validation_fraction
        self.gradient_clip_norm = gradient_clip_norm
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    _has_validation_score = False  # what is an outlier, only its search for codes can say

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
        X = self._check_windows(X, reset=True)
        if len(X) < 2:
            raise ValueError(
                f"Found array with {len(X)} sample(s) while a minimum of 2 is required."
            )
        self.n_outputs_ = X.shape[1]
        rng = new_random_state(self.random_state)
        x = self._learn_scale(X)
        net = self._new_net(engine.resolve_device(self.device, X), x.astype("float32"), rng)
        n_held_out = int(np.ceil(self.validation_fraction * len(x))) if len(x) >= _FEWEST else 0
        order = rng.permutation(len(x))
        train = order[n_held_out:]
        data = self._as_input(x[train], net.dtype, torch.device(net.device))
        try:
            fitted = self._train(net, data, rng, in_search, report)
        except engine.NonFiniteLoss as error:
            raise ValueError(self._explain(error, None, None)) from None
        self._forget_training()
        self.__dict__.update(fitted)
        judged = x[order[:n_held_out]] if n_held_out and self.contamination == "auto" else x
        self.offset_ = -self._threshold(self._residuals(judged)[0])
        return self

    def _check_windows(self, X, *, reset):
        """Rows as vectors; the shape of a window is remembered or compared."""
        X = to_host(X)
        windows = list_of_arrays(X)
        if windows is not None:
            shapes = sorted({x.shape for x in windows})
            if len(shapes) > 1:
                raise ValueError(
                    f"X is a list of arrays of the shapes {shapes[:3]}: expected windows of one "
                    "shape, (n_samples, length) or (n_samples, length, n_channels)."
                )
            X = np.stack(windows)
        if self.network == "dense" or np.asarray(X).ndim < 3:
            X = check_rows(self, X, reset=reset)
            shape = (X.shape[1], 1)
        else:
            X = checked_array(X, dtype=(np.float64, np.float32), allow_nd=True)
            if X.ndim > 3:
                raise ValueError(f"Found array with dim {X.ndim}, while dim <= 3 is required.")
            refuse_empty(self, X)
            if reset:
                self.n_features_in_ = X.shape[1]
                self.__dict__.pop("feature_names_in_", None)
            shape = X.shape[1:]
            X = X.reshape(len(X), -1)
        if reset:
            self.window_shape_ = shape
        elif shape != self.window_shape_:
            raise ValueError(f"X has windows of shape {shape}, but fit had {self.window_shape_}.")
        return X.astype(np.float64, copy=False)

    def _learn_scale(self, X):
        """Standardise: each column, or each channel of windows."""
        length, n_channels = self.window_shape_
        axis = (0, 1) if self.network == "lstm" else 0
        rows = X.reshape(len(X), length, n_channels) if self.network == "lstm" else X
        largest = max(np.abs(rows).max() / _SQUARED, 1.0)
        rows = rows / largest if largest > 1.0 else rows  # or their squares were infinite
        center, spread = rows.mean(axis) * largest, rows.std(axis) * largest
        spread = np.where(spread > 1e-12 * np.abs(center).clip(1e-300), spread, 1.0)
        if self.network == "lstm":
            center, spread = np.tile(center, length), np.tile(spread, length)
        self._center, self._spread = center, spread
        return self._scaled(X)

    def _scaled(self, X):
        with np.errstate(over="ignore"):
            z = np.clip((X - self._center) / self._spread, -_SQUARED, _SQUARED)
        return z / np.sqrt(1 + (z / _LARGEST) ** 2)

    def _make_module(self, shape, n_outputs, rng):
        latent_size = self.latent_size
        if latent_size == "auto":
            latent_size = int(np.clip(shape[0] // 4, 2, 16))
        sizes = layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes")
        net = LatentGANNet(self.network, *self.window_shape_, sizes, latent_size).double()
        initialize(net, rng)
        return net

    def _make_loss(self):
        return losses.SquaredError()

    def _players(self):
        rate = self.learning_rate_init
        return {
            "generator": self._player_options(rate, 0.0),
            "critic": self._player_options(rate, 0.0),
        }

    def _train(self, net, data, rng, in_search, report):
        net.resume()
        noise = seeded(net.device, rng)
        size = min(128 if self.batch_size == "auto" else self.batch_size, len(data))
        net.batch_size = -(-len(data) // max(1, round(len(data) / size)))
        batches = Batches(data, data, batch_size=net.batch_size, smallest=2)
        n_epochs = -(-2500 // len(batches)) if self.max_iter == "auto" else self.max_iter
        n_encoder = n_epochs // 3
        runs = []
        try:
            with engine.threads_for(net.batch_size, net.n_parameters):
                for make, n in (
                    (self._play_run, n_epochs - n_encoder),
                    (self._encode_run, n_encoder),
                ):
                    if not n:
                        continue
                    run = make(net, batches, n, noise, rng)
                    run.interruptible = not in_search
                    run.replaces = not runs and self.__sklearn_is_fitted__()
                    if self.max_time is not None:
                        run.max_time = self.max_time * n / n_epochs
                    run.datasets = (skorch_dataset(net, (data, data)), None)
                    if report is not None:
                        run.report = report(
                            lambda run: self._fitted(net.frozen_copy(), [*runs, run])
                        )
                    runs.append(run)
                    run.run()
                    if run.interrupted:
                        break
            z = torch.randn(
                len(data), net.module_.config["latent_size"], device=data.device, generator=noise
            )
            with torch.no_grad():
                engine.warn_of_collapse(net.module_.generator(z.to(data.dtype)), data)
        finally:
            net.finish(keep_moments=False)
        return self._fitted(net, runs)

    def _play_run(self, net, batches, n_epochs, noise, rng):
        module = net.module_
        loss = self.loss
        if loss == "auto":
            loss = "vanilla" if self.network == "lstm" else "relativistic"
        cycle = self.cycle_weight
        if cycle == "auto":
            cycle = 10.0 if self.network == "lstm" else 0.0
        play = Play(
            module.generator,
            module.critic,
            loss,
            self.gradient_penalty,
            module.config["latent_size"],
            noise,
            cycle=cycle,
        )
        generator, critic = net.flat_optimizers_
        average = engine.MovingAverage(generator.flat, self.ema)
        step = engine.TwoPlayerStep(
            play.generator_loss,
            play.critic_loss,
            generator,
            critic,
            ratio=self.critic_ratio,
            clip=self.gradient_clip_norm,
        )
        return engine.AveragedTraining(
            net,
            step,
            batches,
            average=average,
            **self._course(generator, n_epochs * len(batches), "constant", n_epochs, rng),
        )

    def _encode_run(self, net, batches, n_epochs, noise, rng):
        optimizer = net.flat_optimizers_[0]
        optimizer.forget()
        step = engine.SingleStep(
            optimizer,
            _EncoderGradient(net.module_, optimizer.flat, noise),
            engine.Penalty(optimizer.flat, 0.0),
            clip=self.gradient_clip_norm,
        )
        return engine.Training(
            net,
            step,
            batches,
            **self._course(optimizer, n_epochs * len(batches), "cosine", n_epochs, rng),
        )

    def _course(self, optimizer, n_steps, curve, n_epochs, rng):
        rate = self.learning_rate_init
        return {
            "schedule": engine.Course(optimizer, rate, n_steps, engine.CURVES[curve]),
            "patience": engine.Patience(0.0, np.inf, higher_is_better=False),
            "rng": rng,
            "curves": engine.Curves([], None, None),
            "max_iter": n_epochs,
            "verbose": self.verbose,
        }

    def _fitted(self, net, runs):
        play = [c for c in runs[0].curves.losses if isinstance(c, tuple)]
        encoder = list(runs[1].curves.losses) if len(runs) > 1 else []
        losses_ = [c[0] for c in play]
        return {
            "net_": net,
            "n_iter_": sum(run.n_iter for run in runs),
            "n_outputs_": self.n_outputs_,
            "t_": sum(run.n_seen for run in runs),
            "loss_": losses_[-1] if losses_ else np.inf,
            "loss_curve_": losses_,
            "critic_loss_curve_": [c[1] for c in play],
            "encoder_loss_curve_": encoder,
            "best_loss_": min(losses_, default=np.inf),
            "validation_scores_": None,
            "best_validation_score_": None,
            "validation_loss_curve_": None,
        }

    def _threshold(self, oddness):
        if self.contamination != "auto":
            return np.percentile(oddness, 100 * (1 - self.contamination))
        low, high = np.quantile(oddness, [0.25, 0.75])
        return max(high + 1.5 * (high - low), np.quantile(oddness, 0.95))

    # --- scores ----------------------------------------------------------------------------

    def _residuals(self, x):
        """Oddness of scaled rows, and squared residuals of each of their numbers."""
        # Double precision: a row's score must not depend, even by rounding, on its neighbours.
        module = copy.deepcopy(self.net_.module_)
        module.train()  # nothing here behaves otherwise then, and cuDNN's LSTM has gradients
        device = next(module.parameters()).device
        if device.type != "mps":
            module = module.double()
        dtype = next(module.parameters()).dtype
        for p in module.parameters():
            p.requires_grad_(False)
        rows = torch.as_tensor(x).to(dtype).to(device)
        odd, squares = [], []
        for part in rows.split(_ROWS_AT_A_TIME):
            values, r = self._search(module, part)
            odd.append(values)
            squares.append(r)
        return torch.cat(odd).double().cpu().numpy(), torch.cat(squares).double().cpu().numpy()

    def _search(self, module, x):
        """The least loss on the way of the search, for each row by itself, and its residuals."""
        with torch.no_grad():
            z = module.generator.encode(x)
            features = module.critic.hidden(x)
        z.requires_grad_()
        optimizer = engine.SOLVERS["adam"]([z], lr=self.search_learning_rate)
        least = torch.full((len(x),), torch.inf, dtype=x.dtype, device=x.device)
        residuals = torch.zeros_like(x)
        for step in range(self.search_steps + 1):
            with torch.enable_grad():
                made = module.generator(z)
                r = (x - made).square()
                f = (features - module.critic.hidden(made)).square().mean(1)
                loss = (1 - self.feature_weight) * r.mean(1) + self.feature_weight * f
                loss = loss + _PRIOR * z.square().mean(1)
                if step < self.search_steps:
                    (z.grad,) = torch.autograd.grad(loss.sum(), z)
            loss = loss.detach()
            better = loss < least
            least = torch.where(better, loss, least)
            residuals = torch.where(better[:, None], r.detach(), residuals)
            with torch.no_grad():
                optimizer.step()
        return least, residuals

    def score_samples(self, X):
        """Compute how normal each row is: the lower, the more abnormal.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_windows, length, n_channels)
            The rows or windows.

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples,)
            Minus the loss at the end of the search.
        """
        check_is_fitted(self)
        return -self._residuals(self._scaled(self._check_windows(X, reset=False)))[0]

    def score_steps(self, X, stride=1):
        """Compute how normal each time step of a series is, from windows that overlap.

        Parameters
        ----------
        X : array-like of shape (n_windows, length) or (n_windows, length, n_channels)
            The windows of one series in their order.

        stride : int, default=1
            Time steps from the start of a window to that of the next.

        Returns
        -------
        scores : ndarray of float64 of shape ((n_windows - 1) * stride + length,)
            Minus the mean squared residual of each time step, averaged over the windows that
            cover it; NaN where none does.
        """
        check_is_fitted(self)
        if self.network != "lstm":
            raise ValueError(f"network={self.network!r}: time steps need network='lstm'.")
        if not isinstance(stride, Integral) or isinstance(stride, bool) or stride < 1:
            raise ValueError(f"stride={stride!r}: expected an integer of at least 1.")
        x = self._scaled(self._check_windows(X, reset=False))
        length, n_channels = self.window_shape_
        squares = self._residuals(x)[1].reshape(len(x), length, n_channels).mean(2)
        steps = np.arange(len(x))[:, None] * stride + np.arange(length)
        n_steps = int(steps[-1, -1]) + 1
        total = np.bincount(steps.ravel(), squares.ravel(), minlength=n_steps)
        count = np.bincount(steps.ravel(), minlength=n_steps)
        with np.errstate(invalid="ignore"):
            return -total / count


class _EncoderGradient:
    """Gradient of the encoder alone: ``|x - G(E(x))|^2 + |f(x) - f(G(E(x)))|^2`` for real rows
    (Schlegl et al., 2019, "izi_f") and ``|z - E(G(z))|^2`` for made ones."""

    def __init__(self, module, flat, noise):
        self.module, self.flat, self.noise = module, flat, noise

    def __call__(self, x, target, weight):
        module = self.module
        self.flat.grads.zero_()
        size = module.config["latent_size"]
        code = torch.randn(len(x), size, device=x.device, generator=self.noise).to(x.dtype)
        with torch.no_grad():
            made = module.generator(code)
            features = module.critic.hidden(x)
        with torch.enable_grad():
            again = module(x)
            loss = (x - again).square().mean()
            loss = loss + (features - module.critic.hidden(again)).square().mean()
            loss = loss + (code - module.generator.encode(made)).square().mean()
            # The generator's gradients stay zero, and without moments so do its steps.
            loss.backward(inputs=list(module.generator.reader.parameters()))
        return loss.detach()
