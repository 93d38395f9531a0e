/** What the accelerators that papers name can do, from their makers' data sheets. */

/** One accelerator. */
export interface Device {
  name: string;
  /** Peak of dense 16-bit matrix products, in FLOP/s. */
  peakFlopsPerSecond: number;
  /** Device memory, in bytes (10^9 per GB). */
  memoryBytes: number;
  /** Bytes per second between that memory and the chip. */
  memoryBandwidth: number;
  /** Thermal design power, in watts. */
  watts: number;
}

interface DataSheet {
  teraflops: number;
  gigabytes: number;
  gigabytesPerSecond: number;
  watts: number;
}

function device(name: string, { teraflops, gigabytes, gigabytesPerSecond, watts }: DataSheet): Device {
  return {
    name,
    peakFlopsPerSecond: teraflops * 1e12,
    memoryBytes: gigabytes * 1e9,
    memoryBandwidth: gigabytesPerSecond * 1e9,
    watts,
  };
}

/** V100, A100, H100 and H200 in the sizes that papers use. */
export const devices: readonly Device[] = [
  device("V100-16GB", { teraflops: 125, gigabytes: 16, gigabytesPerSecond: 900, watts: 300 }),
  device("V100-32GB", { teraflops: 125, gigabytes: 32, gigabytesPerSecond: 900, watts: 300 }),
  device("A100-40GB", { teraflops: 312, gigabytes: 40, gigabytesPerSecond: 1555, watts: 400 }),
  device("A100-80GB", { teraflops: 312, gigabytes: 80, gigabytesPerSecond: 2039, watts: 400 }),
  device("H100-SXM", { teraflops: 989, gigabytes: 80, gigabytesPerSecond: 3350, watts: 700 }),
  device("H200", { teraflops: 989, gigabytes: 141, gigabytesPerSecond: 4800, watts: 700 }),
];
