/** The section `energy` of a recipe: what the energy of a run is counted with. */
import * as z from "zod";

/** How energy and emissions are counted. */
export const energyConfigSchema = z.strictObject({
  /**
   * Thermal design power of the machine's processors, all together, for the estimate where RAPL cannot be read. Default: 4 W
   * for each logical processor.
   */
  watts: z.number().gt(0).nullable().default(null),
  /** Energy of the building over that of its machines: 1.1 in good data centers. */
  powerUsageEffectiveness: z.number().min(1).default(1),
  /** Kilograms of CO2 equivalent for a kWh of the grid. Default: the world's average (IEA 2019). */
  kilogramsPerKilowattHour: z.number().min(0).default(0.475),
});

/** The section `energy` with its defaults filled in. */
export type EnergyConfig = z.infer<typeof energyConfigSchema>;
