#!/bin/bash
# Workers of a cluster, as jobs of Slurm, each with a card: they take trainings as long as they run, and what one has
# not finished goes on when it is its turn again.
#   sbatch --array=1-4 deploy/slurm_worker.sh
# What the servers share (MCGIP_DATABASE, MCGIP_FILES, AWS_...) stands in ~/.mcgip_worker.env, mode 0600:
#   MCGIP_DATABASE=postgres://mcgip@db.example.org:5432/mcgip
#   PGPASSWORD=...
#SBATCH --job-name=mcgip-worker
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=24:00:00
# Two minutes before its end, so that it saves and gives its job back; afterwards it waits in the queue again.
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
set -euo pipefail

project="${MCGIP_PROJECT:-$HOME/mcgip}"
settings="${MCGIP_ENV_FILE:-$HOME/.mcgip_worker.env}"
if [[ ! -r "$settings" ]]; then
  echo "Cannot read $settings: put MCGIP_DATABASE, MCGIP_FILES and the keys of the bucket there" >&2
  exit 1
fi
set -a
# shellcheck source=/dev/null
. "$settings"
set +a
# Pictures and weights that were fetched once stay for the next worker on this machine.
# One folder for each element of an array: it has the checkpoints of what this worker runs.
export MCGIP_DATA="${MCGIP_DATA:-$HOME/mcgip-worker/${SLURM_ARRAY_TASK_ID:-0}}"
mkdir -p "$MCGIP_DATA"
chmod 700 "$MCGIP_DATA"

cd "$project"
deno task worker &
worker=$!
ending=""
trap 'ending=1; kill -TERM "$worker"' TERM INT
status=0
wait "$worker" || status=$?
# A signal ends the first wait; the worker saves meanwhile.
if [[ -n "$ending" ]]; then
  status=0
  wait "$worker" || status=$?
  # Its time is over, not its work: it waits for its next turn.
  scontrol requeue "${SLURM_JOB_ID:-}" || true
fi
exit "$status"
