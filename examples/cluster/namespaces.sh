#!/usr/bin/env bash
# Trains on two hosts that are network namespaces of this machine, joined by a bridge: once without interruption, then with the second host
# cut off in mid-run, then resumed. Ends with 0 if the run that was cut off names the rank, and resumes to the same final loss.
# Needs root, iproute2 and Open MPI.
#
#   sudo bash examples/cluster/namespaces.sh "node apps/cli/bin/megatron.js" recipe.yaml
#
# The recipe: `parallel` of two ranks, and steps for half a minute at least with a checkpoint every few seconds.
set -euo pipefail
megatron=$1
recipe=$2
# The run is cut off once it has lasted so long: a rank's own work in the seconds before says how long others wait for it.
cut_after=${CUT_AFTER:-25}

hosts=(megatron-a megatron-b)
address() { echo "10.231.77.$((1 + $1))"; }
work=$(mktemp -d)

cleanup() {
  for host in "${hosts[@]}"; do
    ip netns pids "$host" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns del "$host" 2>/dev/null || true
  done
  ip link del megatron-hub 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
trap "exit 130" INT TERM

ip link add megatron-hub type bridge
ip link set megatron-hub up
for i in 0 1; do
  ip netns add "${hosts[$i]}"
  ip link add "megatron-v$i" type veth peer name eth0 netns "${hosts[$i]}"
  ip link set "megatron-v$i" master megatron-hub up
  ip -n "${hosts[$i]}" address add "$(address $i)/24" dev eth0
  ip -n "${hosts[$i]}" link set eth0 up
  ip -n "${hosts[$i]}" link set lo up
done

# In place of ssh: a namespace for each address, with a host name of its own.
cat > "$work/agent" <<AGENT
#!/usr/bin/env bash
case \$1 in
  $(address 0)) host=${hosts[0]} ;;
  $(address 1)) host=${hosts[1]} ;;
esac
shift
exec ip netns exec \$host unshare --uts sh -c "hostname \$host; cd '$PWD'; exec \$*"
AGENT
chmod +x "$work/agent"

# mpirun on the first host.
train() {
  "$work/agent" "$(address 0)" mpirun --allow-run-as-root --mca plm_rsh_agent "$work/agent" \
    --host "$(address 0):1,$(address 1):1" -n 2 --mca pml ob1 --mca btl tcp,self \
    --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 \
    "$megatron" pretrain "$recipe" --resume auto --break-lock --json --run.directory "$work/$1"
}
loss() { grep -o '"loss":[^,]*' "$work/$1.json"; }
fail() { cat "$work"/*.log >&2; echo "FAILED: $1" >&2; exit 1; }

train whole > "$work/whole.json" 2> "$work/whole.log" || fail "the run without interruption"
echo "without interruption: $(loss whole)"

train cut > "$work/cut.json" 2> "$work/cut.log" &
run=$!
until grep -q "^saved" "$work/cut.log"; do kill -0 $run || fail "the run to be cut off"; sleep 0.2; done
sleep "$cut_after"
ip link set megatron-v1 down
began=$(date +%s)
message="rank 1 on ${hosts[1]} (did not answer|.*cut off)"
until grep -qE "$message" "$work/cut.log"; do
  [ $(($(date +%s) - began)) -lt 60 ] && kill -0 $run || fail "no message about the rank that was cut off"
  sleep 0.2
done
echo "cut off, after $(($(date +%s) - began)) seconds: $(grep -m1 -E "$message" "$work/cut.log")"
# mpirun itself waits for the host that it cannot reach: a scheduler ends the job, and here what is left on the hosts.
for host in "${hosts[@]}"; do ip netns pids "$host" | xargs -r kill -9; done
wait $run || true
ip link set megatron-v1 up

train cut > "$work/cut.json" 2> "$work/resumed.log" || fail "the resumed run"
grep "resumed from" "$work/resumed.log"
echo "resumed: $(loss cut)"
[ "$(loss cut)" = "$(loss whole)" ] || fail "the losses differ"
