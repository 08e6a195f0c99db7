"""Every loss by its name in the configuration."""

from collections.abc import Callable, Mapping

from xlnas_jax.config.pretraining.pretrain import PretrainConfig
from xlnas_jax.data.tokens.masks import Masks
from xlnas_jax.pretraining.losses.base import Loss
from xlnas_jax.pretraining.losses.masked import make_masked
from xlnas_jax.pretraining.losses.ranking import make_ranking
from xlnas_jax.space.shape import EncoderShape

MAKERS: Mapping[str, Callable[[PretrainConfig, EncoderShape, Masks], Loss]] = {
    "mlm": lambda config, shape, masks: make_masked("mlm", config, shape, masks),
    "tlm": lambda config, shape, masks: make_masked("tlm", config, shape, masks),
    "ranking": lambda config, shape, masks: make_ranking(config),
}


def make_losses(
    config: PretrainConfig, shape: EncoderShape, masks: Masks
) -> dict[str, Loss]:
    """Those that count."""
    return {name: MAKERS[name](config, shape, masks) for name in config.counted}
