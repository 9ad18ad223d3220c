import { digestOf, type Moment } from './ledger-history.ts';
import { at, type OpenLedger, oneMoreRecord, openWorkload } from './ledger-workload.ts';

/** A store that is put in place of the one that was left would have this epoch, and be found out by it. */
const OTHER_EPOCH = '00000000-0000-4000-8000-000000888888';

/**
 * What a power cut has left: `sound`, a state that the ledger was in, with everything acknowledged; `lost`, one that it was
 * in before; `half`, one that it never was in; the rest as it says.
 */
export interface Verdict {
  readonly kind: 'sound' | 'unopenable' | 'damaged' | 'lost' | 'half' | 'contradictory' | 'renumbered';
  readonly detail: string;
}

export interface Cut {
  readonly history: readonly Moment[];
  /** The last step that was acknowledged before the cut; -1 when not even the opening was. */
  readonly acknowledged: number;
  /** Which cut it was, for whoever reads of it. */
  readonly cut: string;
}

/** Opens what is left with the edge's own code and looks at all of it. */
export function judgeImage(path: string, cut: Cut): Verdict {
  let open: OpenLedger;
  try {
    open = openWorkload(path, 'none', OTHER_EPOCH);
  } catch (error) {
    return { kind: 'unopenable', detail: `${cut.cut}: ${error instanceof Error ? error.message : String(error)}` };
  }
  try {
    const [kind, detail] = judgeOpened(open, cut);
    return { kind, detail: `${cut.cut}: ${detail}` };
  } finally {
    open.database.close();
  }
}

function judgeOpened(open: OpenLedger, { history, acknowledged }: Cut): [Verdict['kind'], string] {
  const { database, ledger, ballast, damages } = open;
  if (damages.length > 0) return ['damaged', damages.join('; ')];
  const check = database.pragma('quick_check', { simple: true });
  if (check !== 'ok') return ['damaged', String(check)];
  const contradiction = contradictionIn(open);
  if (contradiction !== null) return ['contradictory', contradiction];
  // Before the opening was acknowledged the store may be new.
  if (acknowledged < 0 && ledger.storeEpoch === OTHER_EPOCH && ledger.headSeq() === 0) return ['sound', ''];
  const digest = digestOf(database);
  // One step may have been under way.
  const expected = history.slice(Math.max(0, acknowledged), acknowledged + 2);
  const found = expected.find((moment) => moment.digest === digest);
  if (found === undefined) {
    const earlier = history.findLastIndex((moment) => moment.digest === digest);
    if (earlier < 0) return ['half', `a state between steps, after step ${acknowledged} was acknowledged`];
    return ['lost', `the state of step ${earlier}, after step ${acknowledged} was acknowledged`];
  }
  if (!ballast.take() || ballast.state !== 'held') return ['contradictory', 'the ballast cannot be taken'];
  ledger.commit({ session: null, records: [oneMoreRecord] }, at);
  const seq = ledger.headSeq();
  return seq === found.headSeq + 1
    ? ['sound', '']
    : ['renumbered', `the next record is ${seq}, after ${found.headSeq}`];
}

/** A session has at most one CDR, and none while it is open; nothing is open twice at one connector. */
function contradictionIn({ database, ledger }: OpenLedger): string | null {
  const { sessions } = ledger.openWork(at);
  const connectors = sessions.map(({ connectorId }) => connectorId);
  if (new Set(connectors).size !== connectors.length) return `open at [${connectors.join(', ')}]`;
  const wrong = database
    .prepare<[], { session_id: string; is_open: number; cdrs: number }>(
      `SELECT session_id, is_open, (SELECT count(*) FROM cdrs WHERE cdrs.session_id = sessions.session_id) AS cdrs
       FROM sessions WHERE is_open + cdrs > 1`,
    )
    .get();
  return wrong === undefined
    ? null
    : `session ${wrong.session_id} is ${wrong.is_open ? 'open' : 'over'} and has ${wrong.cdrs} CDRs`;
}
