"""`python -m xlnas_jax.cli`: the same as `xlnas`."""

from xlnas_jax.cli.main import main

main()
