import type { Logger } from 'pino';
import type { CloudContext } from '../../cloud/context.ts';
import { createContext } from '../../cloud/create-context.ts';
import { startIngest } from '../../cloud/ingest/start-ingest.ts';
import { startCommandSender, startSweepers } from '../../cloud/jobs.ts';
import type { KeyFiles } from '../../cloud/keys/key-files.ts';
import type { Poller } from '../../cloud/runtime/poller.ts';
import { testConfig } from '../../cloud/testing/test-config.ts';
import type { SimBroker } from './broker.ts';
import { cloudLine } from './cloud-line.ts';
import type { Dice } from './dice.ts';
import { type DatabaseWeather, fragileDatabase } from './fragile-database.ts';
import { Life } from './life.ts';
import type { PreparedDatabase } from './prepared-database.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';
import type { Wire } from './wire.ts';

export interface CloudParts {
  /** Its name at the broker. */
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly broker: SimBroker;
  readonly database: PreparedDatabase;
  readonly wire: Wire;
  readonly weather: DatabaseWeather;
  readonly keys: KeyFiles;
  readonly log: Logger;
  readonly onHeard: (topic: string) => void;
  /** What the cloud says to a site, when it says it. */
  readonly onSaid: (topic: string, payload: string) => void;
  readonly onTransaction: (count: 1 | -1) => void;
}

/** Long, for its renewal is nothing to simulate often: so long a site is heard by nobody when its process has ended. */
const LEASE_MS = 120_000;
/** Its jobs are woken when there is something to do: what they look for by themselves can wait so long. */
const POLL_AT_LEAST_MS = 8000;

/** One life of the cloud's process: what its composition root puts together, on simulated time. */
export class CloudProcess {
  readonly life = new Life();
  readonly context: CloudContext;

  constructor(parts: CloudParts) {
    const { scheduler, dice, trace, broker, wire, log, onSaid } = parts;
    const { life } = this;
    const pollers: { commands?: Poller } = {};
    const bootedMs = scheduler.nowMs;
    const db = fragileDatabase({ ...parts, life, onOpen: parts.onTransaction });
    const after = (delayMs: number, action: () => void) =>
      scheduler.after(delayMs === 0 ? 0 : Math.max(POLL_AT_LEAST_MS, delayMs), () => life.isOver || action());
    this.context = createContext(
      testConfig,
      {
        ...parts,
        db,
        clock: { wallMs: () => scheduler.nowMs, monoMs: () => scheduler.nowMs - bootedMs },
        timers: { after },
        random: { bytes: (count) => dice.bytes(count), uuid: () => dice.uuid(), fraction: () => dice.fraction() },
        logger: log,
        lookUp: () => Promise.resolve([]),
      },
      { commands: () => pollers.commands?.wake(), deliveries: () => {}, alerts: () => {} },
      { cut: () => Promise.resolve(false) },
    );
    const ingest = startIngest(this.context, { url: 'sim' }, { leaseMs: LEASE_MS, isAlone: false }, ({ onMessage }) =>
      cloudLine({
        ...parts,
        life,
        wire,
        broker,
        clientId: parts.name,
        onMessage,
        onSaid: (topic, payload) => {
          trace.note(parts.name, `says ${topic.split('/').slice(3).join(' ')} ${payload.length}`);
          onSaid(topic, payload);
        },
      }),
    );
    pollers.commands = startCommandSender(this.context, ingest.link, ingest.down);
    startSweepers(this.context);
  }
}
