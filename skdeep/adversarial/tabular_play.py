"""How the tabular generator is trained: first by likelihood, then against the critic."""

import time

import torch

from skdeep import engine
from skdeep.adversarial.base import seeded
from skdeep.base.old_training import skorch_dataset
from skdeep.data.batches import Batches
from skdeep.losses.adversarial import (
    gradient_penalty,
    relativistic,
    squared_gradient,
    wasserstein,
)
from skdeep.nets.blocks import set_generator

_LARGEST_WEIGHT = 5.0  # of a made row, in means; a critic far off must not rule alone
_EPOCHS, _STEPS = 50, 1000  # of 'auto'
_JUDGED = 2000  # made rows that are compared with real ones for a sign of collapse


class TabularPlay:
    """Training methods of `TabularGAN`."""

    def _players(self):
        return {
            "generator": self._player_options(self.learning_rate_init, 0.9, self.alpha),
            "critic": self._player_options(self.play_learning_rate, 0.0),
        }

    def _train(self, net, data, held_out, rng, mode, report):
        net.resume()
        noise = seeded(net.device, rng)
        set_generator(net.module_, noise)
        net.batch_size = self._batch_size(len(data[0]))
        batches = Batches(*data, batch_size=net.batch_size, smallest=2 * self.pac)
        curves, started = engine.Curves([], [], []), time.monotonic()
        n_epochs = self.max_iter
        if n_epochs == "auto":
            n_epochs = max(_EPOCHS, -(-_STEPS // len(batches)))
        n_warm_up = min(round(n_epochs * self.warm_up), n_epochs)
        runs = []
        try:
            with engine.threads_for(net.batch_size, net.n_parameters):
                for make, n in (
                    (self._warm_up_run, n_warm_up),
                    (self._play_run, n_epochs - n_warm_up),
                ):
                    left = (
                        None
                        if self.max_time is None
                        else self.max_time - (time.monotonic() - started)
                    )
                    if not n or (left is not None and left <= 0 and runs):
                        continue
                    run = make(net, batches, data, held_out, curves, n, noise, rng, mode)
                    run.max_time, run.interruptible = left, not mode.in_search
                    run.replaces = not runs and self.__sklearn_is_fitted__()
                    run.datasets = (skorch_dataset(net, data), None)
                    run.n_seen = runs[-1].n_seen if runs else 0
                    if report is not None:
                        run.report = report(
                            lambda run: self._fitted(net.frozen_copy(), [*runs, run], mode)
                        )
                    runs.append(run)
                    run.run()
                    if run.interrupted:
                        break
                    net.flat_optimizers_[0].forget()
            features = net.module_.generator.features
            made = net.module_.generator.sample(min(_JUDGED, 8 * len(data[0])), noise)
            engine.warn_of_collapse(features(made), features(data[0][:_JUDGED]))
        finally:
            set_generator(net.module_, None)
            net.finish(keep_moments=False)
        return self._fitted(net, runs, mode)

    def _warm_up_run(self, net, batches, data, held_out, curves, n_epochs, noise, rng, mode):
        generator, optimizer = net.module_.generator, net.flat_optimizers_[0]
        average = engine.MovingAverage(optimizer.flat, self.ema)
        best = engine.BestParts(generator.nets) if mode.stops_early else None
        step = engine.SingleStep(
            optimizer,
            engine.Autograd(generator, net.criterion_, optimizer.flat),
            engine.Penalty(optimizer.flat, 0.0),
            clip=self.gradient_clip_norm,
        )
        return engine.AveragedTraining(
            net,
            step,
            batches,
            average=average,
            schedule=engine.Course(
                optimizer,
                self.learning_rate_init,
                n_epochs * len(batches),
                engine.CURVES["cosine"],
                max_time=self.max_time,
            ),
            patience=self._patience(mode, None),
            rng=rng,
            curves=curves,
            max_iter=n_epochs,
            early_stopping=mode.stops_early,
            validator=self._judge(generator, average, held_out, best),
            verbose=self.verbose,
            best=best,
        )

    def _play_run(self, net, batches, data, held_out, curves, n_epochs, noise, rng, mode):
        generator, critic = net.module_.generator, net.module_.critic
        optimizer = net.flat_optimizers_[0]
        optimizer.learning_rate = self.play_learning_rate
        average = engine.MovingAverage(optimizer.flat, self.ema)
        average.count = 1000  # the weights of the warm-up are no noise to be forgotten
        play = _Play(generator, critic, net.criterion_, self.loss, self.gradient_penalty, noise)
        step = engine.TwoPlayerStep(
            play.generator_loss,
            play.critic_loss,
            *net.flat_optimizers_,
            ratio=self.critic_ratio,
            clip=self.gradient_clip_norm,
        )
        judge = self._judge(generator, average, held_out, None)
        return engine.AveragedTraining(
            net,
            step,
            batches,
            average=average,
            schedule=engine.Course(
                optimizer,
                self.play_learning_rate,
                n_epochs * len(batches),
                engine.CURVES["constant"],
            ),
            patience=self._patience(mode, judge()[1] if mode.stops_early else None),
            rng=rng,
            curves=curves,
            max_iter=n_epochs,
            early_stopping=mode.stops_early,
            validator=judge,
            verbose=self.verbose,
            best=engine.BestAverage(average) if mode.stops_early else None,
        )

    def _patience(self, mode, best):
        limit = self.n_iter_no_change if mode.stops_early else float("inf")
        return engine.Patience(self.tol, limit, higher_is_better=mode.stops_early, best=best)

    def _judge(self, generator, average, held_out, best):
        """A function that gives the loss and the log-likelihood of the held-out rows."""
        if held_out is None:
            return None

        def judge():
            with torch.no_grad(), average.applied():
                generator.eval()
                parts = -torch.cat([generator(x) for x in held_out[0].split(4096)]).mean(0)
                if best is not None:
                    best.observe(parts.tolist())
            loss = float(parts.sum())
            return loss, -loss

        return judge

    def _fitted(self, net, runs, mode):
        curves = runs[-1].curves
        play = [c for c in curves.losses if isinstance(c, tuple)]
        scores = list(curves.scores) if mode.stops_early else None
        losses = [c[0] if isinstance(c, tuple) else c for c in curves.losses]
        return {
            "net_": net,
            "n_iter_": sum(run.n_iter for run in runs),
            "n_iter_warm_up_": len(losses) - len(play),
            "n_outputs_": self.n_outputs_,
            "t_": runs[-1].n_seen,
            "loss_": losses[-1] if losses else float("inf"),
            "loss_curve_": losses,
            "critic_loss_curve_": [c[1] for c in play],
            "best_loss_": None if mode.stops_early else min(losses, default=float("inf")),
            "validation_scores_": scores,
            "best_validation_score_": max(scores, default=None) if scores else None,
            "validation_loss_curve_": [-s for s in scores] if scores else None,
        }


class _Play:
    """Losses of the two players, as functions of a batch of real rows."""

    def __init__(self, generator, critic, likelihood, loss, penalty, noise):
        self.generator, self.critic, self.likelihood = generator, critic, likelihood
        self.loss, self.penalty, self.noise = loss, penalty, noise

    def _made(self, n):
        self.generator.eval()
        made = self.generator.sample(n, self.noise)
        self.generator.train()
        return made

    def critic_loss(self, batch):
        """The critic's loss and the penalties on its gradient."""
        pac = self.critic.pac
        x = batch[0][: len(batch[0]) // pac * pac]
        with torch.no_grad():
            real = self.generator.features(x)
            made = self.generator.features(self._made(len(x)))
        if self.loss == "wgan-gp":
            mix = torch.rand(len(x) // pac, 1, device=x.device, generator=self.noise).to(x.dtype)
            mix = mix.repeat_interleave(pac, 0)
            between = (mix * real + (1 - mix) * made).requires_grad_()
            penalty = gradient_penalty(self.critic(between), between)
            value = wasserstein(self.critic(real), self.critic(made))
            return (value + self.penalty * penalty).mean()
        real.requires_grad_()
        made.requires_grad_()
        at_real, at_made = self.critic(real), self.critic(made)
        penalty = squared_gradient(at_real, real) + squared_gradient(at_made, made)
        return (relativistic(at_real, at_made) + 0.5 * self.penalty * penalty).mean()

    def generator_loss(self, batch):
        """Minus the log-likelihood of real rows, and of made ones as the critic weighs them.

        The weights are the critic's estimates of the ratio of the densities, ``exp(C)``, over
        their mean; less one, so that a critic that cannot tell weighs nothing (Che et al., 2017).
        A Wasserstein critic is no such ratio: its standardised score takes its place.
        """
        x, pac = batch[0], self.critic.pac
        made = self._made(len(x) // pac * pac)
        with torch.no_grad():
            score = self.critic(self.generator.features(made))
            if self.loss == "wgan-gp":
                weight = (score - score.mean()) / (score.std(correction=0) + 1e-6)
            else:
                weight = torch.softmax(score, 0) * len(score)
                weight = weight.clamp(max=_LARGEST_WEIGHT) - 1
            weight = weight.repeat_interleave(pac)
        both = self.likelihood(self.generator(torch.cat([x, made])), None)
        return both[: len(x)].mean() + (weight * both[len(x) :]).mean()
