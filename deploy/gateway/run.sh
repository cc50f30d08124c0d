#!/usr/bin/env bash
# Two processes of SkyRiff on one set of private engines, and the gateway before them on http://localhost:5080. Ctrl+C stops all three.
#
#   deploy/gateway/run.sh [DATA]      the data folder; default: data beside the sources
#
# The first process has the engines and makes the clips; the second only answers calls (role api), with the first one's engines, files and key.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
skyriff=${SKYRIFF:-$here/../../skyriff}
data=$(realpath -m "${1:-$here/../../data}")
second=$data-second
first_port=5081 second_port=5082
started=()

stop() {
  trap - EXIT INT TERM
  # The gateway first, so that nobody is sent to a process that is stopping.
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do kill -TERM "${started[i]}" 2>/dev/null || true; wait "${started[i]}" 2>/dev/null || true; done
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ready() { # PORT NAME PID
  until curl -fsS -o /dev/null --max-time 2 "http://127.0.0.1:$1/health/ready" 2>/dev/null; do
    kill -0 "$3" 2>/dev/null || { echo "$2 ended before it was ready" >&2; exit 1; }
    sleep 0.3
  done
  echo "$2 is ready on port $1"
}

engine() { sed -n 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/p' "$data/engines.json"; }

# Who comes through the gateway is known by what the gateway says, which the processes believe it.
export SKYRIFF__Edge__TrustedProxies__0=127.0.0.1 SKYRIFF__App__PublicUrl=http://localhost:5080

"$skyriff" up --data "$data" --port $first_port & started+=($!)
ready $first_port "the first process" $!

(
  export SKYRIFF__App__Role=api
  export SKYRIFF__Videos__ObjectsFolder="$data/objects" SKYRIFF__Videos__ScratchFolder="$data/scratch"
  SKYRIFF__Data__AdminUser=$(engine PostgresUser)
  SKYRIFF__Redis__Address=unix:$(engine RedisSocketPath)
  export SKYRIFF__Data__AdminUser SKYRIFF__Redis__Address
  for shard in 0 1 2 3; do
    export "SKYRIFF__Data__Shards__${shard}__Primary=Host=$(engine PostgresSocketDirectory);Port=$(engine PostgresPort);Database=skyriff_$shard"
  done
  "$skyriff" migrate --data "$second" # makes the folder, which then gets the key that both must have
  cp "$data/keys/master.key" "$second/keys/master.key"
  exec "$skyriff" up --data "$second" --port $second_port
) & started+=($!)
ready $second_port "the second process" $!

"$skyriff" gateway run --config "$here/gateway.yaml" & started+=($!)
ready 5080 "the gateway" $!
echo "http://localhost:5080, and what the gateway sees: http://localhost:9901"
wait $! # the gateway; either process may end and come back meanwhile
