// Energy and emissions from hours and watts (Patterson et al. 2021, "Carbon Emissions and Large Neural Network
// Training"). Measuring watts is somebody else's.

/** kWh = hours x devices x watts / 1000 x PUE. */
export const energyKilowattHours = (use: {
  hours: number;
  /** Average draw of one device. */
  watts: number;
  devices?: number;
  /** Energy of the whole building over that of its machines, 1 or more; 1 counts the machines alone. */
  powerUsageEffectiveness?: number;
}): number => ((use.hours * (use.devices ?? 1) * use.watts) / 1000) * (use.powerUsageEffectiveness ?? 1);

/** kg of CO2 equivalent = kWh x the grid's kg per kWh. */
export const emissionsKilograms = (use: { kilowattHours: number; kilogramsPerKilowattHour: number }): number =>
  use.kilowattHours * use.kilogramsPerKilowattHour;
