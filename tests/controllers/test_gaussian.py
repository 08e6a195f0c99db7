"""The posterior is scikit-learn's, and draws from it have its moments."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct

from xlnas_jax.controllers.gaussian import JITTER, fit


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    features = rng.integers(0, 2, (40, 9)).astype(np.float64)
    targets = features @ rng.normal(size=9) + 0.5 * features[:, 0] * features[:, 1]
    return features, targets, rng.integers(0, 2, (15, 9)).astype(np.float64)


def test_the_posterior_is_that_of_scikit_learn(data):
    features, targets, new = data
    found = fit(features, targets)
    kernel = found.kernel
    theirs = ConstantKernel(kernel.local, "fixed") * RBF(
        2**0.5 * kernel.length, "fixed"
    ) + ConstantKernel(1 - kernel.local, "fixed") * DotProduct(0.0, "fixed")
    regressor = GaussianProcessRegressor(
        theirs, alpha=kernel.noise + JITTER, optimizer=None, normalize_y=True
    )

    def standard(x):
        return (x - kernel.centre[None]) / kernel.scale

    regressor.fit(standard(features), targets)
    mean, covariance = regressor.predict(standard(new), return_cov=True)
    ours = found.predict(new)
    np.testing.assert_allclose(ours[0], mean, atol=1e-8)
    np.testing.assert_allclose(ours[1], covariance, atol=1e-8)


def test_the_kernel_of_highest_likelihood_is_kept(data):
    features, targets, _ = data
    noise = np.random.default_rng(1).normal(size=len(targets))
    assert fit(features, targets).kernel.noise < fit(features, noise).kernel.noise


def test_draws_have_the_mean_and_covariance_of_the_posterior(data):
    features, targets, new = data
    found = fit(features, targets)
    mean, covariance = found.predict(new)
    drawn = found.sample(np.random.default_rng(2), new, 40_000)
    deviation = np.sqrt(np.diag(covariance))
    error = 5 * deviation / np.sqrt(len(drawn)) + 1e-3
    assert (np.abs(drawn.mean(0) - mean) < error).all()
    np.testing.assert_allclose(
        np.cov(drawn.T), covariance, atol=0.05 * covariance.max()
    )


def test_targets_that_are_all_alike_are_predicted_as_such(data):
    features, _, new = data
    mean, _ = fit(features, np.full(len(features), 3.0)).predict(new)
    np.testing.assert_allclose(mean, 3.0)
