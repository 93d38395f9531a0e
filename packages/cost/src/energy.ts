/**
 * Energy and emissions from hours and watts (Patterson et al. 2021, "Carbon Emissions and Large Neural Network
 * Training"). Does not measure watts.
 */

/** Energy in kWh: hours x devices x watts / 1000 x PUE. */
export function energyKilowattHours(use: {
  hours: number;
  /** Average draw of one device. */
  watts: number;
  devices?: number;
  /** Energy of the whole building over that of its machines, 1 or more. Default: 1, the machines alone. */
  powerUsageEffectiveness?: number;
}): number {
  return ((use.hours * (use.devices ?? 1) * use.watts) / 1000) * (use.powerUsageEffectiveness ?? 1);
}

/** Emissions in kg of CO2 equivalent: kWh x the grid's kg per kWh. */
export function emissionsKilograms(use: { kilowattHours: number; kilogramsPerKilowattHour: number }): number {
  return use.kilowattHours * use.kilogramsPerKilowattHour;
}
