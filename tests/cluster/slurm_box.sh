#!/usr/bin/env bash
# Two nodes of tools/slurm_box are hosts of their own; it takes away all that it made and nothing else.
# timeout: 60
. "$BILLIONWORD_HOME/tests/cluster/cluster.bash"
box_up 2 16000 2
other=$PWD/other
trap '"$slurm_box" down "$box"; "$slurm_box" down "$other"; kill $bystander' EXIT
sleep 300 & # is no business of either box
bystander=$!
"$slurm_box" up "$other" 1 1000 2

# Every node has its own of these, and it is not this machine's.
srun -N2 -n2 sh -c 'for kind in net uts ipc mnt; do readlink /proc/self/ns/$kind; done; hostname; echo kept >/dev/shm/$(hostname)' >said
expect_output 10 sh -c 'sort -u said | wc -l'
for kind in net uts ipc mnt; do ! grep -qF "$(readlink /proc/self/ns/$kind)" said || fail "not apart from this machine: $kind"; done
[ "$(grep -x 'n[12]' said | sort | tr '\n' ' ')" = "n1 n2 " ] || fail "host names: $(cat said)"
expect_output n2 srun -w n2 ls /dev/shm # what stays from one job to the next
[ ! -e /dev/shm/n1 ] || fail "a node writes into this machine's shared memory"
scontrol show config >config
grep -q '^KillWait *= 30 sec' config || fail "not Slurm's own KillWait: $(grep KillWait config)"

# A rank that ignores every wish to end, and a process that has left its job.
sbatch --parsable -N2 -n2 --output=job.log --wrap 'trap "" TERM USR1; setsid sleep 301 & srun sh -c "trap \"\" TERM; sleep 302"' >id
until [ "$(pgrep -c -f '^sleep 30[12]$')" -ge 3 ]; do sleep 0.1; done
hosts() { cut -d' ' -f3 "$1"/hosts/n[0-9]*; }
mine=$(hosts "$box")
"$slurm_box" down "$box"
for net in $mine; do
  left=$(find /proc/[0-9]*/ns -maxdepth 1 -name net -lname "net:?$net?" 2>/dev/null || true)
  [ -z "$left" ] || fail "still there: $left"
done
! pgrep -af "$box" | grep -v ' <defunct>' || fail "still there"
[ ! -e "$box/hosts/network" ] || fail "the hosts' network is still there"

kill -0 $bystander || fail "it killed what it had not started"
(. other/env && srun -N2 -n2 hostname | sort | tr '\n' ' ') >said
expect_output "n1 n2 " cat said
bridge=bw$(cat other/hosts/network)
ip link show "$bridge" >/dev/null || fail "the other box's bridge is not $bridge"
"$slurm_box" down "$other"
! ip link show "$bridge" 2>/dev/null || fail "the bridge $bridge is still there"

# What cannot be had is said.
fails_with 1 'needs root' env -i PATH="$PATH" setpriv --reuid=65534 "$BILLIONWORD_HOME/tools/emulated_hosts" check
