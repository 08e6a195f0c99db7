#!/usr/bin/env bash
# Runs one search on every host of a Cloud TPU pod slice. JAX finds the hosts of the
# slice by itself.
#
# Change: nothing; TPU_NAME and ZONE are read from the environment, and DIR (default:
# xlnas) is the folder on each host that holds the configuration and an environment
# .venv with xlnas_jax[tpu]. Put them there once, with the same flags:
#   gcloud compute tpus tpu-vm scp --recurse . "$TPU_NAME":xlnas --worker=all ...
#   gcloud compute tpus tpu-vm ssh "$TPU_NAME" --worker=all ... \
#     --command='cd xlnas && python3 -m venv .venv && .venv/bin/pip install -e ".[tpu]"'
# The run directory is written by host 0 alone; put it on a disk that outlives the
# slice if that may be preempted. The same command goes on where a search was.
#
# Command: TPU_NAME=my-slice ZONE=my-zone tools/launch/tpu_pod.sh CONFIG --run-dir DIR
set -euo pipefail

: "${TPU_NAME:?must name the slice, as in gcloud compute tpus tpu-vm list}"
: "${ZONE:?must name the zone of the slice}"

arguments=$(printf '%q ' "$@")
gcloud compute tpus tpu-vm ssh "$TPU_NAME" --zone="$ZONE" \
  --worker=all \
  --command="cd ${DIR:-xlnas} && PATH=\$PWD/.venv/bin:\$PATH && xlnas search $arguments"
