import type { AccessView } from '../runtime/site-access.ts';

/** Who may charge without asking the cloud, as text for a terminal. Card numbers are masked; references are none. */
export function cardsText({ version, validUntil, cards, readers, denials, denialCounts }: AccessView): string {
  const counts = Object.entries(denialCounts).map(([code, count]) => `${count} × ${code}`);
  return [
    version === null
      ? 'no list of cards is in force'
      : `list of cards: version ${version}, ${cards.length} cards, valid until ${validUntil}`,
    ...cards.map(cardLine),
    ...readers.map(
      ({ readerId, lineId, isOpen, frames, broken }) =>
        `reader ${readerId} on ${lineId}: ${isOpen ? 'listened to' : 'cannot be opened'}, ${frames} frames, ${broken} broken`,
    ),
    `refused since the start: ${counts.length === 0 ? 'none' : counts.join(', ')}`,
    ...denials.map(
      ({ atWallMs, place, card, reference, code, detail }) =>
        `  ${new Date(atWallMs).toISOString()} ${place} card ${card} (${reference}): ${code}: ${detail}`,
    ),
  ].join('\n');
}

function cardLine({
  shown,
  card,
  kind,
  validFrom,
  validUntil,
  blocked,
  connectorIds,
  note,
}: AccessView['cards'][number]) {
  const words = [
    kind === 'technician' ? 'technician' : null,
    blocked === true ? 'blocked' : null,
    validFrom === undefined ? null : `from ${validFrom}`,
    validUntil === undefined ? null : `until ${validUntil}`,
    connectorIds === undefined ? null : `only ${connectorIds.join(' ')}`,
    note ?? null,
  ].filter((word) => word !== null);
  return `  ${shown} ${card}${words.length === 0 ? '' : ` ${words.join(', ')}`}`;
}
