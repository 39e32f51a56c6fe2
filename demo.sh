#!/bin/sh
# From a fresh Debian or Ubuntu with Rust and git to sound: installs what is missing, builds, installs the plugin, plays a guitar.
set -eu
cd "$(dirname "$0")"
. ./xtask/toolchain.sh
cargo build --quiet --release --locked --package xtask
exec cargo --quiet xtask demo "$@"
