# What the tests of the cluster do to the steps of a run. Bash reads this file (BASH_ENV) before each command that
# a step consists of; FAULTS is a folder in which each fault is noted, so that it happens once.

once() { mkdir "$FAULTS/$1" 2>/dev/null; }

case "${BASH_EXECUTION_STRING-}" in
  *scripts/prepare_tumours.py*)
    # Longer than the minute that the first try has.
    if once time; then sleep 600; fi ;;
  *scripts/build_features.py*)
    # In every try: more than the first one may have, less than the second.
    once memory || true
    env -u BASH_ENV python -c 'import time; held = b"x" * (2600 << 20); time.sleep(6)' ;;
  *scripts/measure_callability.py*)
    if once job; then sleep 600; fi ;;
  *scripts/qc_samples.py*)
    if once node; then sleep 600; fi ;;
  *scripts/assess_subtypes.py*)
    if once snakemake; then sleep 600; fi ;;
esac
