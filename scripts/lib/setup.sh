# shellcheck shell=bash disable=SC2034 # what is set here is used by those who source it
# What a machine needs before anything here can be built, tested or measured, and how it is
# installed when it is missing. Sourced by scripts/run, scripts/test and scripts/bench; each asks
# only for what it uses. Every step first says what it is about to install.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}

# To build the app.
BUILD_PACKAGES=(
  build-essential pkg-config
  libwebkit2gtk-4.1-dev librsvg2-dev libxdo-dev libssl-dev libayatana-appindicator3-dev
)
# To drive the app in a real window without a screen, with every script and emoji drawn.
WINDOW_PACKAGES=(
  xvfb xauth dbus webkit2gtk-driver util-linux
  fonts-dejavu-core fonts-noto-cjk fonts-noto-color-emoji
)
# To give the tests a real keychain, a real terminal, and the tools of others to open what we write:
# Python, SQLite, age and zstd as Debian has them.
TEST_PACKAGES=(dbus-x11 gnome-keyring python3 sqlite3 age zstd util-linux)
# To make the corpus of the bench, and to measure SQLite's own backup.
BENCH_PACKAGES=(build-essential python3 sqlite3)

say() { printf '\n==> %s\n' "$*"; }

fail() {
  printf '\nerror: %s\n' "$*" >&2
  exit 1
}

need_rust() {
  PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  command -v cargo >/dev/null ||
    fail "cargo is not installed. Install Rust 1.95 or newer with rustup (see https://rustup.rs), open a new shell, and run this again."
}

need_node() {
  local advice="Install Node.js 20 or newer with npm (see https://nodejs.org), and run this again."
  command -v node >/dev/null || fail "node is not installed. $advice"
  command -v npm >/dev/null || fail "npm is not installed. $advice"
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
    fail "Node.js $(node --version) is too old. $advice"
}

# need_debian PACKAGE...: installs those that are missing.
need_debian() {
  local missing=() package
  if ! command -v apt-get >/dev/null; then
    say "This is not a Debian system: the equivalents of these packages must be there: $*"
    return
  fi
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ "${#missing[@]}" -eq 0 ] && return
  say "Installing Debian packages: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "this needs root, and sudo is not installed. Run as root: $*"
  fi
}

# need_cargo_tool COMMAND CRATE VERSION: installs a Rust program that is missing.
need_cargo_tool() {
  command -v "$1" >/dev/null && return
  say "Installing $2 $3 with cargo"
  # Not into this project's target: a cached build there would be swept into every CI copy.
  env -u CARGO_TARGET_DIR cargo install "$2" --version "$3" --locked
}

# need_npm FOLDER: installs what FOLDER's lock file lists, if it has changed since the last time.
need_npm() {
  local stamp=$1/node_modules/.installed-lock
  cmp -s "$1/package-lock.json" "$stamp" && return
  say "Installing npm packages in $1"
  (cd "$1" && npm ci --no-audit --no-fund)
  cp "$1/package-lock.json" "$stamp"
}
