# What the scripts of this folder share. Sourced, not run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=scripts/$(basename "$0")

say() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
fail() {
  printf '\n%s: %s\n' "$program" "$1" >&2
  shift
  for line in "$@"; do printf '   %s\n' "$line" >&2; done
  exit 1
}

# need_value "$@": fails when the option in $1 has no value in $2.
need_value() { [ $# -ge 2 ] || fail "$1 needs a value" "see $program --help"; }

# help_of FILE: the comment at the top of a script is its help text.
help_of() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p;}' "$1"; }

# parallel_jobs MIB: compilers that fit at once, when each may need MIB of memory.
parallel_jobs() {
  local cores memory_mib
  cores=$(nproc)
  memory_mib=$(($(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo) / 1024))
  local fit=$((memory_mib / $1))
  [ "$fit" -ge 1 ] || fit=1
  [ "$fit" -le "$cores" ] || fit=$cores
  echo "$fit"
}

# without_random_addresses COMMAND: TSan of g++ 12 maps fixed addresses, which a kernel with more than 28 random bits may already use.
without_random_addresses() {
  if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)" -gt 28 ] && setarch -R true 2>/dev/null; then
    setarch -R "$@"
  else
    "$@"
  fi
}
