#!/usr/bin/env bash
# Installs what the gateway suite measures itself against: nginx, HAProxy, wrk, h2load (Debian, Ubuntu). No daemon is started, now or at the next boot:
# the suite runs each with a configuration of its own. `./skyriff bench gateway` calls it when one of them is missing.
set -euo pipefail

home=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
${as_root[@]+"${as_root[@]}"} bash "$home/scripts/apt-install.sh" nginx-light haproxy wrk nghttp2-client util-linux
