#!/bin/bash
# A display of one's own: Xvfb, a D-Bus session, the accessibility bus and a window manager, which nobody else sees.
#
#   private-display.sh COMMAND …   runs the command on it and ends with the command's exit code
#   private-display.sh             prints the variables of the display, then `ready`, and holds it
#                                  until its input is closed or it is told to stop
#
#   PULT_DISPLAY_SIZE=1600x900x24      the screen
#   PULT_DISPLAY_ACCESSIBLE=0          without the accessibility bus
#
# Whatever it has started ends with it, by process id.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
size=${PULT_DISPLAY_SIZE:-1600x900x24}
folder=$(mktemp -d "${TMPDIR:-/tmp}/pult-display.XXXXXX")
chmod 700 "$folder"
pids=()
command_pid=

cleanup() {
  local index
  trap - EXIT INT TERM HUP
  if [ -n "$command_pid" ]; then kill "$command_pid" 2>/dev/null || true; wait "$command_pid" 2>/dev/null || true; fi
  for ((index = ${#pids[@]} - 1; index >= 0; index--)); do kill "${pids[index]}" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() { echo "the private display did not start: $1" >&2; cat "$folder"/*.log >&2; exit 1; }

# Asks until the answer is yes, for ten seconds at most.
until_true() {
  local attempt
  for attempt in $(seq 200); do if "$@"; then return 0; fi; sleep 0.05; done
  return 1
}

# Should this script be killed outright, what it has started gets SIGTERM from the kernel.
tied="setpriv --pdeathsig TERM --"

exec 7>"$folder/number"
$tied Xvfb -displayfd 7 -screen 0 "$size" -nolisten tcp -noreset +extension GLX >"$folder/xvfb.log" 2>&1 &
pids+=($!)
exec 7>&-
until_true test -s "$folder/number" || fail "Xvfb gave no display number"

unset WAYLAND_DISPLAY
export DISPLAY=":$(cat "$folder/number")" XDG_RUNTIME_DIR="$folder" XDG_SESSION_TYPE=x11
# Two threads draw as fast as software can here; more of them only wait for each other.
export LP_NUM_THREADS=2
variables="DISPLAY XDG_RUNTIME_DIR XDG_SESSION_TYPE DBUS_SESSION_BUS_ADDRESS LP_NUM_THREADS"

$tied dbus-daemon --session --nofork --nosyslog --print-address=1 >"$folder/bus" 2>"$folder/bus.log" &
pids+=($!)
until_true test -s "$folder/bus" || fail "the session bus gave no address"
DBUS_SESSION_BUS_ADDRESS=$(head -1 "$folder/bus")
export DBUS_SESSION_BUS_ADDRESS

if [ "${PULT_DISPLAY_ACCESSIBLE:-1}" = 1 ]; then
  export NO_AT_BRIDGE=0
  variables="$variables NO_AT_BRIDGE"
  launcher=$(ls /usr/libexec/at-spi-bus-launcher /usr/lib/at-spi2-core/at-spi-bus-launcher 2>/dev/null | head -1)
  $tied "${launcher:-at-spi-bus-launcher}" --launch-immediately >"$folder/accessibility.log" 2>&1 &
  pids+=($!)
  switch_on() {
    gdbus call --session --dest org.a11y.Bus --object-path /org/a11y/bus \
      --method org.freedesktop.DBus.Properties.Set org.a11y.Status "$1" '<true>' >>"$folder/accessibility.log" 2>&1
  }
  until_true switch_on IsEnabled || fail "the accessibility bus does not answer"
  switch_on ScreenReaderEnabled || true
fi

$tied openbox --config-file "$here/openbox.xml" >"$folder/openbox.log" 2>&1 &
pids+=($!)
manager_is_there() { xprop -root _NET_SUPPORTING_WM_CHECK 2>/dev/null | grep -q 0x; }
until_true manager_is_there || fail "the window manager is not there"

if [ $# -gt 0 ]; then
  $tied "$@" <&0 &
  command_pid=$!
  code=0
  wait "$command_pid" || code=$?
  command_pid=
  exit "$code"
fi
for name in $variables; do echo "$name=${!name}"; done
echo ready
cat <&0 >/dev/null &
command_pid=$!
wait "$command_pid" || true
command_pid=
