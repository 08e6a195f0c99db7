#!/bin/sh
# Builds the virtual environment of one peer of the throughput benchmark:
#
#     benchmarks/peers/install.sh dynast|whittle [DIRECTORY]
#
# Every package is pinned (dynast.txt, whittle.txt). Dependencies are never resolved,
# only listed: both peers ask for packages that do not install on this Python and
# that their networks do not need. Another interpreter, or a build of PyTorch
# without CUDA:
#
#     PYTHON=python3.12 benchmarks/peers/install.sh whittle
#     TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu" ...
set -eu

here=$(cd "$(dirname "$0")" && pwd)
name=${1:-}
case "$name" in
  dynast | whittle) ;;
  *)
    echo "usage: $0 dynast|whittle [DIRECTORY]; got '$name'" >&2
    exit 2
    ;;
esac
directory=${2:-$here/.venvs/$name}

${PYTHON:-python3.11} -m venv "$directory"
install="$directory/bin/python -m pip install --quiet --disable-pip-version-check"
# PyTorch brings what it needs to run; the list then pins what it shares with others.
# shellcheck disable=SC2086
$install ${TORCH:-torch==2.13.0}
$install --no-deps --requirement "$here/$name.txt"
echo "$name is installed in $directory"
