"""Which of two candidates is better, said with a known probability of being wrong.

Values are paired, drawn without replacement from as many as there are, and what is
bounded is the difference from the mean of all of them.
"""

from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float

from xlnas_jax.config.evaluate import RaceConfig

# Of a pair's differences, in deviations of a candidate's own values. Chosen so that
# mutations of one network are lost no more often than they may be.
LEAST_SPREAD = 0.5


def compare(
    scores: Float[np.ndarray, "pop obj"],
    values: Float[np.ndarray, "pop example obj"],
    fraction: float | np.floating,
    delta: float,
    config: RaceConfig,
) -> Bool[np.ndarray, "pop pop"]:
    """True where the second candidate is better than the first, by confidence.

    Args:
        scores: on the examples seen; lower is better.
        values: what each example contributes, with mean 0 over the examples.
        fraction: share of all examples that were seen.
        delta: probability that one such statement may be false.
    """
    num = values.shape[1]
    is_better = np.ones((len(scores), len(scores)), bool)
    for score, value in zip(scores.T, np.moveaxis(values, -1, 0), strict=True):
        gram = value @ value.T / num
        power = np.diag(gram)
        spread = np.sqrt(np.clip(power[:, None] + power[None] - 2.0 * gram, 0, None))
        if config.bound == "student":
            least = _least_spread(power, spread)
            radius = student_radius(np.maximum(spread, least), num, fraction, delta)
        else:
            # The largest range seen in any pair; of shares of correct examples it is
            # what a single example can do.
            sound = value[np.isfinite(value).all(1)]
            span = 2.0 * float(np.ptp(sound, axis=0).max()) if len(sound) else 0.0
            radius = serfling_radius(spread, span, num, fraction, delta)
        is_better &= score[:, None] - score[None] - radius > config.epsilon
    return is_better


def _least_spread(
    power: Float[np.ndarray, " pop"], spread: Float[np.ndarray, "pop pop"]
) -> float | np.floating:
    """What no pair's spread is taken to be below.

    Two candidates may look far too alike until one of the few examples is drawn that
    they differ in. So no pair is trusted more than the median one, nor to differ
    less than candidates that correlate by 0.875.
    """
    positive = spread[spread > 0]
    if not positive.size:
        return 0.0
    own = LEAST_SPREAD * np.sqrt(np.mean(power[np.isfinite(power)]))
    return max(np.median(positive), own)


def serfling_radius(
    spread: Float[np.ndarray, "..."],
    span: float,
    num: int,
    fraction: float | np.floating,
    delta: float,
) -> Float[np.ndarray, "..."]:
    """How far above the mean of all a mean of `num` drawn without replacement lies.

    The empirical Bernstein-Serfling inequality; it fails with a probability of
    `delta` at most.

    Args:
        spread: standard deviations of the drawn values, divided by `num`.
        span: largest value less the smallest.

    References:
        Bardenet & Maillard, "Concentration inequalities for sampling without
        replacement", 2015, theorem 4.3. https://doi.org/10.3150/14-BEJ605
    """
    total = num / fraction
    rho = 1.0 - (num - 1) / total
    if fraction > 0.5:
        rho = (1.0 - fraction) * (1.0 + 1.0 / num)
    log = np.log(5.0 / delta)
    kappa = 7.0 / 3.0 + 3.0 / np.sqrt(2.0)
    return spread * np.sqrt(2.0 * rho * log / num) + kappa * span * log / num


def student_radius(
    spread: Float[np.ndarray, "..."],
    num: int,
    fraction: float | np.floating,
    delta: float,
) -> Float[np.ndarray, "..."]:
    """The same, were means of the values normally distributed.

    References:
        Cochran, "Sampling Techniques", 1977, section 2.8.
    """
    if num < 2:
        return np.full_like(spread, np.inf)
    error = spread * np.sqrt((1.0 - fraction) / (num - 1))
    return student_quantile(1.0 - delta, num - 1) * error


def student_quantile(probability: float, degrees: int) -> float:
    """Quantile of Student's t, by its expansion around the normal one.

    Within one per cent from 8 degrees of freedom at one in ten thousand.

    References:
        Abramowitz & Stegun, "Handbook of Mathematical Functions", 1964, 26.7.5.
    """
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / degrees ** (i + 1) for i, term in enumerate(terms))
