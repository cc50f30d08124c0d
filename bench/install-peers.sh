#!/bin/sh
# Installs what the gateway suite measures itself against: nginx, HAProxy, wrk (Debian, Ubuntu).
# No package may start a daemon: the suite runs each with a configuration of its own.
set -eu
[ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; }
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends nginx-light haproxy wrk util-linux
