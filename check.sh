#!/bin/sh
# All checks of the project; the last line is the sum.
set -eu
cd "$(dirname "$0")"
. ./xtask/toolchain.sh
cargo build --quiet --release --locked --package xtask
exec cargo --quiet xtask test "$@"
