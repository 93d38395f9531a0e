/** The MPI launchers of this machine, and how to run a program under one. */
import { spawnSync } from "node:child_process";

/** A launcher by its command. */
export interface MpiLauncher {
  name: "Open MPI" | "MPICH";
  command: string;
}

/** One launcher of each kind of library, by the names that distributions give them. */
export function findMpiLaunchers(): MpiLauncher[] {
  const found = new Map<string, MpiLauncher>();
  for (const command of ["mpirun", "mpirun.openmpi", "mpirun.mpich", "mpiexec", "mpiexec.hydra"]) {
    const { stdout = "" } = spawnSync(command, ["--version"], { encoding: "utf8" });
    const name = /open.?mpi|open mpi/i.test(stdout) ? "Open MPI" : /hydra|intel/i.test(stdout) ? "MPICH" : null;
    if (name && !found.has(name)) found.set(name, { name, command });
  }
  return [...found.values()];
}

/** Lets Open MPI start more ranks than there are cores, also in a container whose only user is root. */
const ENVIRONMENT = {
  OMPI_ALLOW_RUN_AS_ROOT: "1",
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
  OMPI_MCA_rmaps_base_oversubscribe: "1",
  PRTE_MCA_rmaps_default_mapping_policy: ":oversubscribe",
};

/** Runs `node ...args` on a number of ranks. */
export function mpirun({ command }: MpiLauncher, { ranks, args }: { ranks: number; args: readonly string[] }) {
  const { status, stdout, stderr } = spawnSync(command, ["-n", String(ranks), process.execPath, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...ENVIRONMENT },
  });
  return { status, stdout, stderr };
}
