/** Whether an MPI launcher (mpirun, mpiexec, srun) started this process, and as which rank. */
import { ParallelError } from "../errors.ts";

/** What the launcher says about this process. The number of ranks is known once MPI has started. */
export interface Launch {
  rank: number;
  /** The kind of library that the launcher belongs to; null if any may be. */
  library: "open-mpi" | "mpich" | null;
}

/**
 * Reads the environment; null if no launcher started this process.
 * @throws ParallelError under `srun` without support for MPI, where each task would train alone
 */
export function detectLaunch(environment: NodeJS.ProcessEnv = process.env): Launch | null {
  const rankIn = (name: string) => (environment[name] === undefined ? null : Number(environment[name]));
  const open = rankIn("OMPI_COMM_WORLD_RANK");
  if (open !== null) return { rank: open, library: "open-mpi" };
  const mpich = rankIn("PMI_RANK");
  if (mpich !== null) return { rank: mpich, library: "mpich" };
  const either = rankIn("PMIX_RANK");
  if (either !== null) return { rank: either, library: null };
  if (Number(environment.SLURM_STEP_NUM_TASKS ?? 1) > 1) {
    throw new ParallelError(
      `srun started ${environment.SLURM_STEP_NUM_TASKS} tasks without MPI: use srun --mpi=pmix or --mpi=pmi2 (srun --mpi=list shows which are supported)`,
    );
  }
  return null;
}
