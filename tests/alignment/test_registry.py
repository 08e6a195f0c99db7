import jax.numpy as jnp
import numpy as np
import pytest

from xlnas_jax.alignment.cka import debiased_cka
from xlnas_jax.alignment.infonce import shared_information
from xlnas_jax.alignment.registry import make_similarity
from xlnas_jax.config.transfer import TransferConfig


def vectors(seed: int) -> jnp.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((12, 8))
    return jnp.asarray(drawn, jnp.float32)


def test_the_configuration_names_the_metric_and_its_temperature():
    x, y = vectors(0), vectors(0) + vectors(1)
    cka = make_similarity(TransferConfig(alignment="cka"))
    assert cka(x, y) == debiased_cka(x, y)
    infonce = make_similarity(TransferConfig(alignment="infonce", temperature=0.3))
    assert infonce(x, y) == shared_information(x, y, 0.3)


@pytest.mark.parametrize("alignment", ["cka", "infonce"])
def test_scores_lie_between_0_and_1(alignment):
    similarity = make_similarity(TransferConfig(alignment=alignment))
    values = [float(similarity(vectors(i), vectors(i + 50))) for i in range(20)]
    assert min(values) == 0.0  # of some, chance gives less
    assert max(values) <= 1.0
