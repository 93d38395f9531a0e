/* Seconds of MPI_Allreduce of so many MiB of floats, as the rank 0 measures them: the peer of our own all-reduce. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  enum { ROUNDS = 9 };
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  int count = atoi(argv[1]) << 18;
  float *in = malloc(count * sizeof(float)), *out = malloc(count * sizeof(float));
  for (int i = 0; i < count; i++) in[i] = 1.0f;
  double seconds[ROUNDS];
  for (int round = -1; round < ROUNDS; round++) {
    MPI_Barrier(MPI_COMM_WORLD);
    double began = MPI_Wtime();
    MPI_Allreduce(in, out, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    if (round >= 0) seconds[round] = MPI_Wtime() - began;
  }
  if (rank == 0) {
    printf("{\"seconds\":[");
    for (int round = 0; round < ROUNDS; round++) printf("%s%.9f", round ? "," : "", seconds[round]);
    printf("]}\n");
  }
  MPI_Finalize();
  return 0;
}
