/**
 * UCX, which MPICH and some builds of Open MPI use, patches the C library to see memory come and go: network cards remember where it is. To test
 * the patches it moves the end of the heap up and back, even while another thread of Node extends it; what that thread got can then be gone, and V8
 * crash later (seen twice under MPICH, but not on demand). Ranks of one host use no network card.
 */

/** Turns the patches off before MPI is loaded if all ranks are on this host, as the launcher says, and the user has not decided. */
export function turnOffMemoryHooks(environment: NodeJS.ProcessEnv): void {
  const { PMI_SIZE, MPI_LOCALNRANKS, OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_LOCAL_SIZE } = environment;
  const [ranks, here] = [OMPI_COMM_WORLD_SIZE ?? PMI_SIZE, OMPI_COMM_WORLD_LOCAL_SIZE ?? MPI_LOCALNRANKS];
  if (ranks === undefined || ranks !== here) return;
  environment.UCX_MEM_MMAP_HOOK_MODE ??= "none";
}
