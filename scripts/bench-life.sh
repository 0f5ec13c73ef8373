# shellcheck shell=bash disable=SC2154,SC2086,SC1091
# Parts of scripts/bench, which reads this file: many containers, their end, and what they say.

# seconds COMMAND…: how long it takes; what it prints goes to $work/out.
seconds() {
  local start=$EPOCHREALTIME
  "$@" >"$work/out" 2>&1 || true
  awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'
}

# start_many HOW_MANY_AT_ONCE COMMAND: 100 containers, many0 to many99; {} in the command is their number.
start_many() {
  local -i once=$1
  shift
  seq 0 99 | xargs -P "$once" -I{} $1
}

bench_many() {
  local image=$registry/bench/tiny:1 once name ours peers failed
  [ -n "${docker_pid:-}" ] || start_docker || true
  $learnbox run --rm tiny true >/dev/null 2>&1 || true # unpacks it
  for once in 1 100; do
    name='100 containers, one after another'
    [ $once = 1 ] || name='100 containers at once'
    ours=$(seconds start_many $once "$learnbox run -d --name many{} tiny sleep 1000")
    failed=$((100 - $($learnbox ps -q --filter name=^many | wc -l)))
    $learnbox ps -aq --filter name=^many | xargs $learnbox rm -f >/dev/null
    if [ -n "${docker_pid:-}" ]; then
      peers=$(seconds start_many $once "$docker run -d --network none --name many{} $image sleep 1000")
      $docker ps -aq --filter name=^many | xargs $docker rm -f >/dev/null 2>&1 || true
      row "$name" "$ours" s docker "$peers" 1/10
    else
      row "$name" "$ours" s docker '' 1/10 "$why"
    fi
    row 'of them that do not run' "$failed" '' '' '' 0
  done
}

# A program that ends at once when it is asked to.
bench_stop() {
  $learnbox run -d --init --name bench-stop tiny sleep 1000 >/dev/null
  turns $(((runs + 4) / 5)) 1 "$learnbox start bench-stop" learnbox "$learnbox stop bench-stop"
  row 'stop' "$(cat "$work/ms/learnbox" 2>/dev/null)" ms '' '' 50
  $learnbox rm -f bench-stop >/dev/null
}

# 100 MB in lines, to a pipe and into the log.
bench_logs() {
  local say='yes 0123456789abcdefghijklmnopqrstuvwxyz | head -c 100000000' lost took
  took=$(seconds sh -c "/usr/bin/time -f %M -o $work/peak $learnbox run --rm tiny sh -c '$say' | wc -c")
  lost=$((100000000 - $(cat "$work/out")))
  row '100 MB from run to a pipe' "$took" s '' '' 1
  row 'of it lost, bytes' "$lost" '' '' '' 0
  row 'memory of that run' "$(awk '{ printf "%.1f", $1 / 1024 }' "$work/peak")" MB '' '' 40
  took=$(seconds sh -c "$learnbox run -d --name bench-logs tiny sh -c '$say' && $learnbox wait bench-logs")
  row '100 MB into a log' "$took" s '' '' 1
  $learnbox rm -f bench-logs >/dev/null
}
