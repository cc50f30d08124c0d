#!/usr/bin/env bash
# Installs Debian packages, as root, so that none of them starts a daemon now or at the next boot, and none creates a database cluster.
# What it changes in the system for that is put back, also when it is interrupted.
set -euo pipefail

policy=/usr/sbin/policy-rc.d
cluster_settings=/etc/postgresql-common/createcluster.d/skyriff.conf
made=()

restore() {
  [ ${#made[@]} -eq 0 ] || rm -f "${made[@]}"
  rmdir --ignore-fail-on-non-empty "$(dirname $cluster_settings)" 2>/dev/null || true
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ ! -e $policy ]; then
  made+=("$policy")
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
fi
if [ ! -e $cluster_settings ]; then
  made+=("$cluster_settings")
  mkdir -p "$(dirname $cluster_settings)"
  printf 'create_main_cluster = false\n' >$cluster_settings
fi

export DEBIAN_FRONTEND=noninteractive
fetch() { apt-get install --yes --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@"; }

services() { ls /etc/systemd/system/multi-user.target.wants 2>/dev/null || true; }
before=$(services)
fetch "$@" || { apt-get update && fetch "$@"; }

# A package enables its service for the next boot even when it may not start it now.
if command -v systemctl >/dev/null; then
  for service in $(comm -13 <(sort <<<"$before") <(services | sort)); do
    case $service in postgresql* | redis* | nginx* | haproxy*) systemctl disable "$service" ;; esac
  done
fi
