# shellcheck shell=bash disable=SC2154 # what ./skyriff defines
# Finds the tools that are missing and, on Debian and Ubuntu, installs them without starting or enabling a daemon.
# Sourced by ./skyriff, which defines home, logs, say, die and logged.

# Beside PostgresMajorMin in src/app/Engines/EngineTools.cs, global.json and web/package.json.
readonly postgres_major_min=15 dotnet_major_min=10 node_major_min=20

has() { command -v "$1" >/dev/null 2>&1; }

major_of() { "$@" 2>/dev/null | sed -n '1s/[^0-9]*\([0-9][0-9]*\).*/\1/p'; }

at_least() { [ "${1:-0}" -ge "$2" ]; }

has_postgres() {
  local folder
  for folder in /usr/lib/postgresql/* /usr/pgsql-* /opt/homebrew/opt/postgresql@* /usr/local/opt/postgresql@* /Applications/Postgres.app/Contents/Versions/*; do
    if [ -x "$folder/bin/initdb" ] && at_least "$(basename "$folder" | tr -dc 0-9)" $postgres_major_min; then return 0; fi
  done
  has initdb && at_least "$(major_of postgres --version)" $postgres_major_min
}

has_tool() {
  case $1 in
    dotnet) has dotnet && at_least "$(dotnet --list-sdks | cut -d. -f1 | sort -n | tail -n 1)" $dotnet_major_min ;;
    node) [ ! -f "$home/web/package.json" ] || { has npm && at_least "$(major_of node --version)" $node_major_min; } ;;
    postgres) has_postgres ;;
    redis) has redis-server ;;
    ffmpeg) has ffmpeg && has ffprobe ;;
    fonts) [ -f /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || { has fc-list && [ -n "$(fc-list ':family=DejaVu Sans')" ]; } ;;
    chromium) has chromium || has chromium-browser || has google-chrome ;;
  esac
}

package_of() {
  case $1 in
    postgres) echo postgresql ;;
    redis) echo redis-server ;;
    fonts) echo fonts-dejavu-core ;;
    *) echo "$1" ;;
  esac
}

describe() {
  case $1 in
    dotnet) echo ".NET SDK $dotnet_major_min (https://dotnet.microsoft.com/download)" ;;
    node) echo "Node.js $node_major_min or newer with npm (https://nodejs.org)" ;;
    postgres) echo "PostgreSQL $postgres_major_min or newer: its server programs (Debian, Ubuntu: postgresql; Homebrew: postgresql@17)" ;;
    redis) echo "Redis 7 or newer (Debian, Ubuntu: redis-server; Homebrew: redis)" ;;
    ffmpeg) echo "ffmpeg with ffprobe (Debian, Ubuntu, Homebrew: ffmpeg)" ;;
    fonts) echo "the font DejaVu Sans (Debian, Ubuntu: fonts-dejavu-core; Homebrew: font-dejavu)" ;;
    chromium) echo "Chromium, for the browser tests (Debian: chromium)" ;;
  esac
}

# need_tools NAME...: returns when all are there; installs what it can; else lists what is missing and ends with exit_tool_missing.
need_tools() {
  local tool missing=() packages=()
  for tool in "$@"; do
    has_tool "$tool" || missing+=("$tool")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  for tool in "${missing[@]}"; do
    case $tool in dotnet | node) refuse_missing "${missing[@]}" ;; esac
    packages+=("$(package_of "$tool")")
  done
  if ! has apt-get || ! may_become_root; then refuse_missing "${missing[@]}"; fi
  logged "installing ${packages[*]} (no daemon is started)" install as_root bash "$home/scripts/apt-install.sh" "${packages[@]}"
  for tool in "${missing[@]}"; do
    has_tool "$tool" || refuse_missing "${missing[@]}"
  done
}

refuse_missing() {
  local tool
  say "SkyRiff needs, and did not find:"
  for tool in "$@"; do say "  - $(describe "$tool")"; done
  say "Install the above, then run the command again."
  exit "$exit_tool_missing"
}

may_become_root() { [ "$(id -u)" -eq 0 ] || { has sudo && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; }; }

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }
