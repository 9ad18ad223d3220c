import { BUDGET_PER_PILE_DAY_BYTES, type StorageHealth } from '../ledger/storage-health.ts';

const mb = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;

const ballastText: Record<StorageHealth['ballast'], string> = {
  held: 'held',
  released: 'given back, to end the charges that run',
  none: 'none',
  failed: 'the disk takes none',
};

/** How the storage of a running edge is doing, as text for a terminal. */
export function storageText(health: StorageHealth): string {
  const { level, reason, mayCharge, freeBytes, ledgerBytes, samplesBytes, ballast, damage, unconfirmedLoss } = health;
  return [
    `level     ${level}${reason === null ? '' : `: ${reason}`}`,
    `charges   ${mayCharge ? 'may begin' : 'no new one may begin'}`,
    `free      ${mb(freeBytes)}`,
    `ledger    ${mb(ledgerBytes)}`,
    `samples   ${samplesBytes === null ? 'not stored at present' : mb(samplesBytes)}`,
    `ballast   ${ballastText[ballast]}`,
    `written   ${writtenText(health)}`,
    ...(damage === null ? [] : [`damage    the ledger was damaged and made anew: ${damage}`]),
    ...(unconfirmedLoss.length === 0 ? [] : [`lost      ${unconfirmedLoss.join(', ')}; not confirmed`]),
  ].join('\n');
}

function writtenText({ writtenBytes, writtenPerPileDayBytes }: StorageHealth): string {
  if (writtenBytes === null) return 'not counted on this system';
  const rate =
    writtenPerPileDayBytes === null ? 'the rate is not known yet' : `${mb(writtenPerPileDayBytes)} per pile and day`;
  return `${mb(writtenBytes)} since the start; ${rate}, of a budget of ${mb(BUDGET_PER_PILE_DAY_BYTES)}`;
}
