import { type Random, seededRandom } from '../../hardware-sim/faults/random.ts';

/** One car's visit, in true time. */
export interface Visit {
  readonly connectorId: string;
  readonly card: string;
  readonly arrivesMs: number;
  /** What it wants, from how long after its arrival on. */
  readonly wants: readonly { readonly afterMs: number; readonly powerW: number }[];
  /** How its charge ends: by its card, by its gun, or by itself, when it is full. */
  readonly ends: 'card' | 'gun' | 'full';
  readonly endsAfterMs: number;
}

const between = (random: Random, least: number, most: number): number =>
  least + Math.floor(random() * (most - least + 1));

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

function visit(random: Random, connectorId: string, cards: readonly string[], arrivesMs: number): Visit {
  const endsAfterMs = between(random, 10, 150) * MINUTE_MS + between(random, 0, 59_999);
  const steps = between(random, 1, 4);
  const wants = Array.from({ length: steps }, (_, i) => ({
    afterMs: Math.floor((endsAfterMs * i) / steps),
    powerW: between(random, 3, 11) * 1000,
  }));
  const ends = (['card', 'gun', 'full'] as const)[between(random, 0, 2)] ?? 'card';
  return { connectorId, card: cards[between(random, 0, cards.length - 1)] ?? '', arrivesMs, wants, ends, endsAfterMs };
}

/** Cars at each connector, one after the other, at any hour: two a day or so. */
export function trafficOf(settings: {
  seed: number;
  connectorIds: readonly string[];
  cards: readonly string[];
  fromMs: number;
  days: number;
}): Visit[] {
  const { seed, connectorIds, cards, fromMs, days } = settings;
  const random = seededRandom(seed);
  return connectorIds
    .flatMap((connectorId) => {
      const visits: Visit[] = [];
      let freeMs = fromMs;
      while (freeMs < fromMs + days * DAY_MS) {
        const next = visit(random, connectorId, cards, freeMs + between(random, 30, 900) * MINUTE_MS);
        visits.push(next);
        freeMs = next.arrivesMs + next.endsAfterMs + 5 * MINUTE_MS;
      }
      return visits;
    })
    .filter(({ arrivesMs }) => arrivesMs < fromMs + days * DAY_MS)
    .sort((a, b) => a.arrivesMs - b.arrivesMs);
}
