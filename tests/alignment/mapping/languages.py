"""Word embeddings of invented languages, whose translations are known."""

import numpy as np


def planted(
    num: int = 600, width: int = 20, noise: float = 0.02, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two languages: the second is the first turned, with noise, in another order.

    Words lie in clusters of unequal size and spread, as real ones do: a cloud without
    a shape would look the same from all sides.

    Returns:
        Both, and the row of the second language that translates each of the first.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(12, width)) * np.linspace(2.0, 0.5, width)
    cluster = rng.choice(12, num, p=np.arange(1, 13) / 78)
    spread = rng.gamma(2.0, 0.3, size=(12, width))
    x = centres[cluster] + spread[cluster] * rng.normal(size=(num, width))
    turned = x @ np.linalg.qr(rng.normal(size=(width, width)))[0]
    order = rng.permutation(num)
    y = np.empty_like(turned)
    y[order] = turned + noise * turned.std() * rng.normal(size=turned.shape)
    return x, y, order
