import { BST_REASONS, type BstReason } from '../../faults/bst-reasons.ts';

/** Why a charger stops: the items of the message CST of GB/T 27930-2015 in their order on the wire, two bits each. */
const CST_REASONS = [
  'condition-reached',
  'manual',
  'fault',
  'bms-asked',
  'over-temperature',
  'connector',
  'internal-over-temperature',
  'energy-not-deliverable',
  'emergency-stop',
  'other',
  'current-mismatch',
  'abnormal-voltage',
] as const;
export type CstReason = (typeof CST_REASONS)[number];

/** Both messages: four conditions in byte 1, faults from byte 2 on, two electrical errors in byte 4. */
const CONDITIONS = 4;
const BST_FAULTS = 8;
const CST_FAULTS = 6;

/** The four bytes of BST, the first in the highest place; 01 in an item's two bits means that it applies. */
export function bstWord(reasons: Iterable<BstReason>): number {
  return packed(
    [...reasons].filter((reason) => reason !== 'silent').map((reason) => BST_REASONS.indexOf(reason)),
    BST_FAULTS,
  );
}

/** The four bytes of CST, the first in the highest place. */
export function cstWord(reasons: Iterable<CstReason>): number {
  return packed(
    [...reasons].map((reason) => CST_REASONS.indexOf(reason)),
    CST_FAULTS,
  );
}

function packed(items: readonly number[], faults: number): number {
  return items.reduce((word, item) => word + 2 ** (2 * placeOf(item, faults)), 0);
}

/** Place of an item, in pairs of bits from the lowest of the four bytes; the first byte is the highest. */
function placeOf(item: number, faults: number): number {
  if (item < CONDITIONS) return 12 + item;
  const fault = item - CONDITIONS;
  if (fault < 4) return 8 + fault;
  return fault < faults ? fault : fault - faults;
}
