# shellcheck shell=bash disable=SC2154 # what ./skyriff defines
# Builds what changed, and only that. Sourced by ./skyriff, which defines home, stamps, say, die and logged.
#
# What `up` runs is built apart from what developers and tests build (artifacts/product): without analyzers, for this machine, compiled ahead of
# time (start-up is a fifth faster), and each version in a folder of its own, because a running program must not have its files replaced.

# fingerprint PATH...: of names and contents, so that neither a checkout nor a cache that changes times causes a build.
fingerprint() {
  (cd "$home" && find "$@" \( -name bin -o -name obj -o -name node_modules -o -name dist -o -name coverage \) -prune -o -type f -print0 |
    LC_ALL=C sort -z | xargs -0 cksum | cksum | tr ' ' -)
}

fresh() { [ -f "$stamps/$1" ] && [ "$(cat "$stamps/$1")" = "$2" ]; }
stamp() { mkdir -p "$stamps" && printf '%s\n' "$2" >"$stamps/$1"; }

# Two commands at once must not build into each other; the second waits and then finds everything done.
lock_builds() {
  command -v flock >/dev/null || return 0
  mkdir -p "$stamps"
  exec 9>"$stamps/lock"
  flock -n 9 && return 0
  say "waiting for another build"
  flock 9
}
unlock_builds() { exec 9>&-; }

server_version() { fingerprint src Directory.Build.props Directory.Build.targets Directory.Packages.props global.json; }
server_program() { printf '%s\n' "$home/artifacts/server/$(cat "$stamps/server")/skyriff"; }

publish() { # FOLDER OPTIONS...
  local folder=$1
  shift
  dotnet publish "$home/src/app" --configuration Release --verbosity quiet --output "$folder" -p:ArtifactsPath="$home/artifacts/product" \
    -p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false -p:GenerateDocumentationFile=false -p:SharedCompilationId="skyriff-$$" "$@"
}

# The lock files name no machine kind, so this restore, which does, may not write them; versions are central and pinned all the same.
publish_ahead_of_time() {
  publish "$1" --use-current-runtime --self-contained false -p:PublishReadyToRun=true -p:RestorePackagesWithLockFile=false \
    -p:NuGetLockFilePath="$home/artifacts/product/no.lock" || { grep -qi crossgen "$logs/build-server.log" && publish "$1"; }
}

server_is_built() { fresh server "$1" && [ -x "$home/artifacts/server/$1/skyriff" ]; }

build_server() {
  local version folder
  version=$(server_version)
  if server_is_built "$version"; then return; fi
  need_tools dotnet
  lock_builds
  if ! server_is_built "$version"; then
    folder=$home/artifacts/server/$version
    rm -rf "$folder" "$folder.new"
    logged "building the server (once, and again when its sources change)" build-server publish_ahead_of_time "$folder.new"
    mv "$folder.new" "$folder"
    stamp server "$version"
    # The version before may still run; older ones go.
    find "$home/artifacts/server" -mindepth 1 -maxdepth 1 -type d -print0 | xargs -0 ls -dt | tail -n +3 | while IFS= read -r old; do rm -rf "$old"; done
  fi
  unlock_builds
}

has_web() { [ -f "$home/web/package.json" ]; }

web_is_built() { fresh web "$1" && [ -d "$home/web/dist" ]; }

build_web() {
  local version
  has_web || return 0
  version=$(fingerprint web)
  if web_is_built "$version"; then return; fi
  lock_builds
  if ! web_is_built "$version"; then
    web_packages
    logged "building the web (once, and again when its sources change)" build-web npm --prefix "$home/web" run build
    stamp web "$version"
  fi
  unlock_builds
}

web_packages() {
  local version
  need_tools node
  version=$(fingerprint web/package.json web/package-lock.json)
  if fresh web-packages "$version" && [ -d "$home/web/node_modules" ]; then return; fi
  logged "fetching the web's packages" web-packages npm --prefix "$home/web" ci --no-audit --no-fund
  stamp web-packages "$version"
}

# build_release PROJECT: with analyzers, where the tests and benchmarks run from.
build_release() {
  lock_builds
  logged "building $1" build dotnet build "$home/$1" --configuration Release --verbosity quiet -p:SharedCompilationId="skyriff-$$"
  unlock_builds
}
