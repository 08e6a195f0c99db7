#!/usr/bin/env bash
# Starts one search as several processes on this machine: to try it before a cluster
# does it, or with one process for each group of devices.
#
# Change: nothing; everything is an argument. On CPU each process has one device, or
# as many as XLA_FLAGS=--xla_force_host_platform_device_count=N says. On GPUs set
# CUDA_VISIBLE_DEVICES or JAX_LOCAL_DEVICE_IDS for each process, or start a single one:
# one process uses all GPUs of a machine.
#
# Command: tools/launch/local.sh NUM_PROCESSES CONFIG [options of xlnas search]
# Example: tools/launch/local.sh 2 configs/quickstart_scratch.yaml --run-dir runs/two
set -euo pipefail

if (($# < 2)); then
  echo "usage: $0 NUM_PROCESSES CONFIG [options of xlnas search]" >&2
  exit 2
fi
export JAX_NUM_PROCESSES=$1
shift
port=${PORT:-$((20000 + RANDOM % 20000))}
export JAX_COORDINATOR_ADDRESS=${JAX_COORDINATOR_ADDRESS:-127.0.0.1:$port}

pids=()
stop() {
  if ((${#pids[@]})); then kill "${pids[@]}" 2>/dev/null || true; fi
}
trap stop EXIT
trap 'exit 130' INT TERM

for ((rank = 0; rank < JAX_NUM_PROCESSES; rank++)); do
  JAX_PROCESS_ID=$rank xlnas search "$@" &
  pids+=($!)
done
# The first that fails ends the others; where none does, each is waited for.
for _ in "${pids[@]}"; do
  status=0
  wait -n || status=$?
  if ((status)); then exit "$status"; fi
done
pids=()
