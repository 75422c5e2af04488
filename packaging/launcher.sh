#!/bin/sh
# pikube @VERSION@ for @MACHINE@, whole: behind these lines follows an archive with the program and its interpreter.
# The first start unpacks it into a directory of its own, later starts run what is there.
# PIKUBE_PROGRAM_DIR says where; root's is /var/cache/pikube.
set -eu
fail() { echo "pikube: $*" >&2; exit 1; }

machine=$(uname -m)
case "$machine" in
  armv6*) fail "this board is $machine, which no pikube runs on: use a Pi 2 or newer, or a Zero 2" ;;
  @MACHINE@) ;;
  *) fail "this file is for @MACHINE@ and this machine is $machine: take the file for $machine" ;;
esac
[ -e "@LOADER@" ] || fail "the kernel is @MACHINE@, but the system is not (there is no @LOADER@): install a 64-bit system"

PIKUBE_FILE=$(readlink -f "$0")
export PIKUBE_FILE
shared=/var/cache/pikube
home=${PIKUBE_PROGRAM_DIR:-$shared}
program=$home/@ID@/pikube
[ -x "$program" ] && exec "$program" "$@"
if [ -z "${PIKUBE_PROGRAM_DIR:-}" ] && [ "$(id -u)" != 0 ]; then
  home=${XDG_CACHE_HOME:-$HOME/.cache}/pikube
  program=$home/@ID@/pikube
  [ -x "$program" ] && exec "$program" "$@"
fi

umask 022
mkdir -p "$home" || fail "the directory $home cannot be made"
new=$(mktemp -d "$home/.unpacking.XXXXXX") || fail "nothing can be written to $home"
trap 'rm -rf "$new"' EXIT
tail -c "+@START@" "$0" | tar -xzf - -C "$new" \
  || fail "the program could not be unpacked to $home (it needs @SIZE_MB@ MB): free some space, or set PIKUBE_PROGRAM_DIR"
chmod 755 "$new/pikube"
# Boards lose power: what the name stands for is on the disk before the name is.
sync -f "$new/pikube/pikube" 2>/dev/null || sync
# Another start may have been faster: then its directory is the one.
mv -T "$new/pikube" "$home/@ID@" 2>/dev/null || [ -x "$program" ] || fail "$home/@ID@ cannot be written"

# Other versions go, unless a process still runs from them.
for other in "$home"/*; do
  [ -d "$other" ] && [ "$other" != "$home/@ID@" ] || continue
  for exe in /proc/[0-9]*/exe; do
    case "$(readlink "$exe" 2>/dev/null)" in "$other"/*) continue 2 ;; esac
  done
  rm -rf "$other"
done
rm -rf "$new"
# And what a power cut left of an unpacking; one that goes on right now is younger.
find "$home" -maxdepth 1 -name '.unpacking.*' -mmin +60 -exec rm -rf {} + 2>/dev/null || true
trap - EXIT
exec "$program" "$@"
