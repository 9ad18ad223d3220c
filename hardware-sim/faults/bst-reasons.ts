/**
 * Why a vehicle stops a DC charge: the items of the message BST of GB/T 27930-2015 in their order on the wire, two bits each
 * (the first item in the lowest bits): byte 1 conditions, bytes 2 and 3 faults, byte 4 electrical errors. `silent` is no item:
 * the BMS stops talking and the charger has to notice.
 */
export const BST_REASONS = [
  'soc-target',
  'voltage-target',
  'cell-voltage-target',
  'charger-asked',
  'insulation',
  'connector-over-temperature',
  'component-over-temperature',
  'connector',
  'pack-over-temperature',
  'hv-relay',
  'cc2-voltage',
  'other',
  'over-current',
  'abnormal-voltage',
  'silent',
] as const;

export type BstReason = (typeof BST_REASONS)[number];
