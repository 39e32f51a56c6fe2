# Sourced by demo.sh and check.sh: what cargo itself needs before it can build the first program.
if ! command -v cc >/dev/null 2>&1 || ! command -v pkg-config >/dev/null 2>&1; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "A C compiler (cc) and pkg-config are missing; install them with your system's package manager and run this again." >&2
        exit 1
    elif [ "$(id -u)" -eq 0 ]; then
        as_root="env"
    elif command -v sudo >/dev/null 2>&1; then
        as_root="sudo env"
    else
        echo "A C compiler and pkg-config are missing; as an administrator run: apt-get install build-essential pkg-config" >&2
        exit 1
    fi
    $as_root DEBIAN_FRONTEND=noninteractive apt-get update -qq
    $as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq build-essential pkg-config
fi
if ! command -v cargo >/dev/null 2>&1; then
    # A fresh rustup is on the path of the next login only.
    if [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    else
        echo "Rust is missing; install it from https://rustup.rs and run this again." >&2
        exit 1
    fi
fi
