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
  /** Bytes per second that a device sends to others of its server, in each direction (NVLink). */
  linkBandwidth: number;
  /** Its share of what its server sends to others, in bytes per second: InfiniBand as in the machines that papers ran on. */
  networkBandwidth: number;
  /** Devices in a server. */
  perServer: number;
  /** Thermal design power, in watts. */
  watts: number;
}

interface DataSheet {
  teraflops: number;
  gigabytes: number;
  gigabytesPerSecond: number;
  watts: number;
  fabric: Fabric;
}

/** How devices are connected. */
interface Fabric {
  link: number;
  network: number;
  perServer: number;
}

/** DGX-2H, DGX A100 and DGX H100, in GB/s for each device. */
const [volta, ampere, hopper]: [Fabric, Fabric, Fabric] = [
  { link: 150, network: 6.25, perServer: 16 },
  { link: 300, network: 25, perServer: 8 },
  { link: 450, network: 50, perServer: 8 },
];

function device(name: string, { teraflops, gigabytes, gigabytesPerSecond, watts, fabric }: DataSheet): Device {
  return {
    name,
    peakFlopsPerSecond: teraflops * 1e12,
    memoryBytes: gigabytes * 1e9,
    memoryBandwidth: gigabytesPerSecond * 1e9,
    linkBandwidth: fabric.link * 1e9,
    networkBandwidth: fabric.network * 1e9,
    perServer: fabric.perServer,
    watts,
  };
}

/** V100, A100, H100 and H200 in the sizes that papers use. */
export const devices: readonly Device[] = [
  device("V100-16GB", { teraflops: 125, gigabytes: 16, gigabytesPerSecond: 900, watts: 300, fabric: volta }),
  device("V100-32GB", { teraflops: 125, gigabytes: 32, gigabytesPerSecond: 900, watts: 300, fabric: volta }),
  device("A100-40GB", { teraflops: 312, gigabytes: 40, gigabytesPerSecond: 1555, watts: 400, fabric: ampere }),
  device("A100-80GB", { teraflops: 312, gigabytes: 80, gigabytesPerSecond: 2039, watts: 400, fabric: ampere }),
  device("H100-SXM", { teraflops: 989, gigabytes: 80, gigabytesPerSecond: 3350, watts: 700, fabric: hopper }),
  device("H200", { teraflops: 989, gigabytes: 141, gigabytesPerSecond: 4800, watts: 700, fabric: hopper }),
];

/** Finds a device by its name, or by the beginning of one: h100. Undefined where none has it. */
export function findDevice(name: string): Device | undefined {
  const wanted = name.toLowerCase();
  const exact = devices.find((device) => device.name.toLowerCase() === wanted);
  return exact ?? devices.findLast((device) => device.name.toLowerCase().startsWith(wanted));
}
