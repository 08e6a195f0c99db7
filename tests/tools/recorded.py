"""Where recorded results of tests say that they come from."""

ENVIRONMENT = {
    "devices": ["cpu"],
    "num_devices": 1,
    "cpu_cores": 2,
    "machine": "x86_64",
    "python": "3.11.7",
    "packages": {"jax": "0.10.2"},
    "commit": "abc",
}
