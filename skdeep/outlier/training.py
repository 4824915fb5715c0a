"""How the outlier detector learns: from tables and streams to a trained masked network."""

import warnings

import numpy as np
import torch

from skdeep import engine
from skdeep.base.old_estimator import new_random_state
from skdeep.base.old_training import Mode, skorch_dataset
from skdeep.data.members import MemberBatches
from skdeep.data.tensors import to_tensor
from skdeep.inputs.rows import to_host
from skdeep.losses import MaskedSquaredError
from skdeep.nets.masked import MaskedNet
from skdeep.parameters.sizes import layer_sizes
from skdeep.preprocessing.columns import check_table
from skdeep.preprocessing.outliers import OutlierEncoder

STEPS = {True: 700, False: 300}
"""Training steps by `novelty`: where training rows may be outliers, a longer training learns
them too."""

TRIM_FROM = 0.2  # share of the training after which the worst rows are left out
FEWEST = 20  # rows from which some are held out
LARGEST_PASS = 32
"""Passes through the network in which each feature is hidden once; more features are hidden
several at a time."""


class OutlierTraining:
    """Methods of `AutoencoderOutlierDetector` that go from a table to a trained network."""

    def _fit(
        self,
        X,
        y,
        sample_weight,
        X_val=None,
        *,
        incremental,
        report=None,
        watched=False,
        in_search=False,
    ):
        resumed = incremental and "net_" in self.__dict__
        X = self._check_table(X, reset=not resumed)
        if not resumed:
            if len(X) < 2:
                raise ValueError(
                    f"Found array with n_samples={len(X)} while a minimum of 2 is required by "
                    f"{type(self).__name__}."
                )
            self.encoder_ = OutlierEncoder(categorical_features=self.categorical_features).fit(X)
            self.__dict__.pop("_stream", None)
        rows = self.encoder_.encode(X)
        held_out = None
        if X_val is not None:
            held_out = self.encoder_.encode(self._check_table(X_val, reset=False))
        rng = new_random_state(self.random_state)
        device = engine.resolve_device(self.device)
        if resumed:
            net = self._known_net(device, incremental)
        else:
            features, sources = np.unique(self.encoder_.sources_, return_inverse=True)
            self._n_columns, self.n_outputs_ = len(sources), len(sources)
            self._sources, self._groups = sources, _groups(len(features), rng)
            net = self._new_net(device, rows, rng)
        train = rows
        if incremental:
            rows = self._sample_of_stream(rows, rng)
        elif held_out is None and len(rows) >= FEWEST:
            order, n_out = rng.permutation(len(rows)), int(self.validation_fraction * len(rows))
            if n_out:
                train, held_out = rows[order[n_out:]], rows[order[:n_out]]
        stops_early = self.early_stopping and held_out is not None and not incremental
        if watched and held_out is None:
            watched = False
            warnings.warn(
                f"Pruning has no effect: {len(rows)} rows are too few to hold out "
                f"validation_fraction={self.validation_fraction} of them."
            )
        mode = Mode(resumed, incremental, stops_early, watched, in_search)
        validation = held_out if stops_early or watched or X_val is not None else None
        try:
            fitted = self._train(
                net,
                (self._to_net(net, train),) * 2 + (None,),
                None if validation is None else self._to_net(net, validation),
                rng,
                mode,
                report,
            )
        except engine.NonFiniteLoss as error:
            raise ValueError(self._explain(error, rows, None)) from None
        self.__dict__.update(fitted)
        self._learn_scores(rows, train, held_out, rng)
        return self

    def _check_table(self, X, *, reset):
        X = check_table(
            self, to_host(X), categorical_features=self.categorical_features, reset=reset
        )
        if self.missing == "error":
            self._refuse_missing(X)
        return X

    def _refuse_missing(self, X):
        gaps = np.asarray(X.isna() if hasattr(X, "isna") else X != X)
        if gaps.any():
            place = int(gaps.any(0).argmax())
            raise ValueError(
                f"Input X contains NaN: column {place}, with missing='error'; missing='mask' "
                "takes missing values as they are."
            )

    def _sample_of_stream(self, rows, rng):
        """An even sample of all rows so far (reservoir sampling, Vitter, 1985)."""
        kept, n_seen = self.__dict__.get("_stream", (rows[:0], 0))
        rng = np.random.RandomState([rng.randint(2**31), n_seen % 2**31])
        kept = np.concatenate([kept, rows[: self.max_reference_rows - len(kept)]])
        n_new = len(rows) - (len(kept) - min(n_seen, self.max_reference_rows))
        for i, row in enumerate(rows[len(rows) - n_new :]):
            place = rng.randint(n_seen + len(rows) - n_new + i + 1)
            if place < self.max_reference_rows:
                kept[place] = row
        self._stream = (kept, n_seen + len(rows))
        return kept

    # --- training --------------------------------------------------------------------------

    def _hidden_layer_sizes(self):
        return layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes")

    def _make_module(self, shape, n_outputs, rng):
        net = MaskedNet(
            int(self.n_estimators),
            self._sources.tolist(),
            self._hidden_layer_sizes(),
            self.activation,
            self.mask_rate,
        ).double()
        net.initialize(rng)
        return net

    def _make_loss(self):
        return MaskedSquaredError()

    def _draws_noise(self):
        return True

    def _to_net(self, net, rows):
        return to_tensor(rows[:, : self._n_columns], net.dtype, torch.device(net.device))

    def _make_run(self, net, data, validation, rng, mode):
        n_samples = len(data[0])
        size = min(256 if self.batch_size == "auto" else self.batch_size, n_samples)
        net.batch_size = -(-n_samples // max(1, round(n_samples / size)))  # of nearly equal size
        members = np.tile(np.arange(n_samples), (self.n_estimators, 1))
        batches = MemberBatches(*data, members, batch_size=net.batch_size, rng=rng)
        n_epochs = self.max_iter
        if n_epochs == "auto":
            n_epochs = -(-STEPS[bool(self.novelty)] // len(batches))
        step, set_trim = self._trimmed_step(net)
        if mode.incremental:
            n_epochs, curve = 1, engine.CURVES["constant"]
        else:
            curve = engine.CURVES["one_cycle"]
        past = self.__dict__ if mode.resumed else {}
        return engine.Training(
            net,
            step,
            batches,
            schedule=engine.Course(
                step.optimizers[0],
                self.learning_rate_init,
                n_epochs * len(batches),
                curve,
                [] if mode.incremental else [set_trim],
                self.max_time,
            ),
            patience=engine.Patience(
                self.tol,
                self.n_iter_no_change if mode.stops_early else np.inf,
                higher_is_better=mode.stops_early,
            ),
            rng=rng,
            curves=engine.Curves(list(past.get("loss_curve_", [])), [], []),
            max_iter=n_epochs,
            shuffle=False,  # the batches do it, for each member
            early_stopping=mode.stops_early,
            validator=self._make_validator(net, validation, mode.stops_early or mode.watched),
            max_time=self.max_time,
            n_seen=past.get("t_", 0),
            verbose=self.verbose,
            single_epoch=mode.incremental,
            interruptible=not mode.in_search,
            replaces=self.__sklearn_is_fitted__(),
            datasets=(skorch_dataset(net, data), None),
        )

    def _trimmed_step(self, net):
        optimizer = net.flat_optimizers_[0]
        gradient = engine.TrimmedAutograd(
            net.module_, net.criterion_, optimizer.flat, self.n_estimators
        )
        trim = self._trim()

        def set_trim(t):
            gradient.share = trim if t >= TRIM_FROM else 0.0

        step = engine.SingleStep(
            optimizer, gradient, engine.Penalty(optimizer.flat, 0.0), clip=self.gradient_clip_norm
        )
        return step, set_trim

    def _make_validator(self, net, validation, with_score):
        """Mean squared residual of held-out rows: without masks, so without noise."""
        if validation is None:
            return None

        def validate():
            with torch.inference_mode():
                r = net.module_.residuals(validation[:1000], self._groups)
            loss = float(r.square().mean())
            return loss, -loss if with_score else None

        return validate


def _groups(n_features, rng):
    """Features that are hidden together: one at a time, or several where there are many."""
    n_groups = min(n_features, LARGEST_PASS)
    order = np.arange(n_features) if n_groups == n_features else rng.permutation(n_features)
    return [order[i::n_groups].tolist() for i in range(n_groups)]
