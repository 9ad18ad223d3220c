import type { CloudContext } from '../context.ts';
import { chargesOfPartners, orderScopes } from '../orders/charges-under-way.ts';
import { partnerOf } from './rights.ts';
import type { Stream } from './stream.ts';

type RoundContext = Pick<CloudContext, 'db' | 'clock'>;

/**
 * Makes the job that tells streams how the charges of their partners get on: each stream every `everyMs` and not sooner, all that are due in
 * one look at the database. A key with which no order may be read is told nothing.
 */
export function progressRounds({ db, clock }: RoundContext, everyMs: number): (all: Iterable<Stream>) => Promise<void> {
  const toldMonoMs = new WeakMap<Stream, number>();
  const isDue = (stream: Stream): boolean =>
    orderScopes.some((scope) => stream.caller.scopes.includes(scope)) &&
    clock.monoMs() - (toldMonoMs.get(stream) ?? Number.NEGATIVE_INFINITY) >= everyMs;
  return async (all) => {
    const byPartner = Map.groupBy([...all].filter(isDue), ({ caller }) => partnerOf(caller));
    const callers = [...byPartner.values()].flatMap(([first]) => first?.caller ?? []);
    const charges = Map.groupBy(await chargesOfPartners(db, callers), partnerOf);
    for (const [partner, streams] of byPartner) {
      for (const stream of streams) {
        toldMonoMs.set(stream, clock.monoMs());
        stream.takeProgress(charges.get(partner) ?? []);
      }
    }
  };
}
