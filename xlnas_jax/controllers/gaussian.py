"""Gaussian-process regression on a few hundred points, in NumPy's float64.

References:
    Rasmussen and Williams, "Gaussian processes for machine learning", 2006,
    chapters 2 and 5. https://gaussianprocess.org/gpml
"""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

# A kernel is a linear part, a local part, and noise; these are tried.
LENGTHS = (0.5, 1.0, 2.0)
LOCAL_SHARES = (0.2, 0.5, 0.8)
NOISES = (1e-3, 1e-2, 1e-1)
JITTER = 1e-6

Matrix = Float[np.ndarray, "row column"]
Features = Float[np.ndarray, "row feature"]
Others = Float[np.ndarray, "column feature"]


class Kernel(NamedTuple):
    """Covariance of standardised targets: prior variance is about 1 in all.

    Attributes:
        centre, scale: of the features, from the training points.
        length: of the local part, in units of the features' spread.
        local: its share; the rest is linear.
        noise: variance of a target that its features do not explain.
    """

    centre: Float[np.ndarray, " feature"]
    scale: float
    length: float
    local: float
    noise: float

    def __call__(self, one: Features, other: Others) -> Matrix:
        """Covariance of every row of one with every row of the other."""
        one, other = ((x - self.centre[None]) / self.scale for x in (one, other))
        inner = one @ other.T
        squares = (one**2).sum(-1)[:, None] + (other**2).sum(-1)[None]
        distance = np.maximum(squares - 2 * inner, 0)
        # Pairs are two spreads apart, in squares, where they are drawn alike.
        near = np.exp(-distance / (4 * self.length**2))
        return self.local * near + (1 - self.local) * inner


class Posterior(NamedTuple):
    """What is known of a function after some of its values were seen."""

    kernel: Kernel
    features: Features
    cholesky: Float[np.ndarray, "row row"]
    weights: Float[np.ndarray, " row"]
    mean: float
    deviation: float

    def predict(self, features: Features) -> tuple[Float[np.ndarray, " row"], Matrix]:
        """Mean and covariance of the function, without noise."""
        cross = self.kernel(self.features, features)
        half = np.linalg.solve(self.cholesky, cross)
        covariance = self.kernel(features, features) - half.T @ half
        mean = self.mean + self.deviation * (cross.T @ self.weights)
        return mean, self.deviation**2 * covariance

    def sample(
        self, rng: np.random.Generator, features: Features, num: int
    ) -> Float[np.ndarray, "num row"]:
        """Functions drawn from the posterior."""
        mean, covariance = self.predict(features)
        floor = JITTER * max(self.deviation**2, np.trace(covariance) / len(covariance))
        root = np.linalg.cholesky(covariance + floor * np.eye(len(covariance)))
        return mean[None] + rng.standard_normal((num, len(mean))) @ root.T


def fit(features: Features, targets: Float[np.ndarray, " row"]) -> Posterior:
    """The posterior under the kernel of highest marginal likelihood."""
    deviation = float(targets.std()) or 1.0
    values = (targets - targets.mean()) / deviation
    centre = features.mean(0)
    spread = ((features - centre[None]) ** 2).sum(-1).mean()
    scale = float(np.sqrt(spread)) or 1.0
    found = []
    for length, local, noise in itertools.product(LENGTHS, LOCAL_SHARES, NOISES):
        kernel = Kernel(centre, scale, length, local, noise)
        covariance = kernel(features, features)
        covariance += (noise + JITTER) * np.eye(len(values))
        root = np.linalg.cholesky(covariance)
        half = np.linalg.solve(root, values)
        likelihood = -0.5 * half @ half - np.log(np.diag(root)).sum()
        found.append((likelihood, kernel, root, half))
    _, kernel, root, half = max(found, key=lambda one: one[0])
    weights = np.linalg.solve(root.T, half)
    return Posterior(kernel, features, root, weights, float(targets.mean()), deviation)
