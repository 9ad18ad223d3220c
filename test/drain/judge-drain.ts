import type { DrainSite } from './drain-site.ts';

export interface Arrived {
  /** Numbers of the backlog that are in the cloud not exactly once. */
  readonly samplesMissing: number;
  readonly samplesDoubled: number;
  readonly losses: number;
  /** Charges of the backlog whose order is not there once, ended, with its bill. */
  readonly chargesWrong: number;
  /** Sessions whose end was stored before their beginning. */
  readonly outOfOrder: number;
  readonly deadLetters: number;
}

/** Compares what the cloud has with what the site had, record by record. */
export async function judgeDrain({ db, backlog }: DrainSite): Promise<Arrived> {
  const seen = new Uint8Array(backlog.samples + 1);
  const { rows: series } = await db.query<{ last_seq: string; body: string }>(
    `select last_seq::text, body from sample_series where store_epoch = $1`,
    [backlog.samplesEpoch],
  );
  for (const { last_seq: lastSeq, body } of series)
    for (const ago of JSON.parse(body).seqAgo as number[]) {
      const seq = Number(lastSeq) - ago;
      if (seq <= backlog.samples) seen[seq] = (seen[seq] ?? 0) + 1;
    }
  const count = async (text: string): Promise<number> => Number((await db.query<{ n: string }>(text)).rows[0]?.n);
  const { rows: orders } = await db.query<{ session_id: string; state: string }>(
    `select session_id, state from orders join cdrs using (session_id) where origin = 'local' and state = 'completed'`,
  );
  const completed = orders.map((order) => order.session_id);
  const ended = new Set(completed);
  return {
    samplesMissing: seen.subarray(1).filter((times) => times === 0).length,
    samplesDoubled: seen.filter((times) => times > 1).length,
    losses: await count(`select count(*) as n from sample_losses`),
    chargesWrong:
      backlog.sessionIds.filter((sessionId) => !ended.has(sessionId)).length + completed.length - ended.size,
    outOfOrder: await count(`select count(*) as n from site_records e join site_records s
      on s.kind = 'session.started' and e.kind = 'session.ended' and s.stream = e.stream and s.store_epoch = e.store_epoch
      and s.body::json ->> 'sessionId' = e.body::json -> 'cdr' ->> 'sessionId' where e.seq < s.seq`),
    deadLetters: await count(`select count(*) as n from dead_letters`),
  };
}
