/**
 * Units are part of names: `energyWh`, `powerW`, `limitMa`, `timeoutMs`, `amountMinor`, `priceE4`.
 * All of them are integers. A float appears only in what a person reads, made here.
 */

/** "1.234 kWh" from watt-hours. */
export function formatKwh(energyWh: number): string {
  return `${(energyWh / 1000).toFixed(3)} kWh`;
}

/** "0.25 CNY" from minor units (1/100 of the currency unit), without going through a float. */
export function formatMoney(amountMinor: number, currency: string): string {
  const sign = amountMinor < 0 ? '-' : '';
  const digits = String(Math.abs(amountMinor)).padStart(3, '0');
  return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)} ${currency}`;
}
