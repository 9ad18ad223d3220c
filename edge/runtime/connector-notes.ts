import type { Logger } from 'pino';
import type { Stamp } from '#shared/stamp.ts';
import {
  type ConnectorEvent,
  type ConnectorState,
  type LedgerTransaction,
  type Order,
  type Phase,
  sessionOf,
} from '../control/connector.ts';
import type { Reading } from '../control/reading.ts';
import type { ProvenStop } from '../metrics/field-figures.ts';
import type { RequestNote } from './request-notes.ts';

export interface ConnectorNotesParts {
  readonly connectorId: string;
  readonly stamp: () => Stamp;
  readonly log: Logger;
  /** Null where nobody keeps notes. */
  readonly keep: ((note: RequestNote) => void) | null;
  /** Null where nobody counts. */
  readonly onStop: ((stop: ProvenStop) => void) | null;
}

type Write = Extract<Order, { kind: 'write' }>;

/** Commands whose requests are known by name. What is asked of one connector at a time are one or two. */
const COMMANDS_KEPT = 20;

/** Notes, for one connector, by which steps each request was carried out. It sees what has been decided and done, and decides nothing. */
export class ConnectorNotes {
  readonly #parts: ConnectorNotesParts;
  readonly #requests = new Map<string, string>();
  /** Writes that no look has followed yet. */
  #unread: { readonly write: Write; readonly monoMs: number; readonly requestIds: readonly string[] }[] = [];

  constructor(parts: ConnectorNotesParts) {
    this.#parts = parts;
  }

  /** An event has been decided. */
  decided(before: ConnectorState, after: ConnectorState, event: ConnectorEvent): void {
    if (event.kind === 'command') this.#command(event.command);
    if (event.kind === 'reading') this.#readBack(event.reading, event.requestedMonoMs);
    const session = sessionOf(after.phase) ?? sessionOf(before.phase);
    const requestIds = this.requestIdsOf(after.phase, before.phase);
    const about = { requestIds, sessionId: session?.sessionId ?? null };
    if (before.phase.kind !== after.phase.kind && requestIds.length > 0)
      this.#add('decided', about, { from: before.phase.kind, to: after.phase.kind, on: event.kind });
    const isProven = provenMonoMs(before.phase) === null && provenMonoMs(after.phase) !== null;
    if (!isProven || after.phase.kind !== 'stopping') return;
    const { ladder } = after.phase;
    const tookMs = (after.phase.provenMonoMs ?? 0) - ladder.startedMonoMs;
    this.#parts.onStop?.({ rung: ladder.rung, tookMs });
    this.#parts.log.info({ ...about, rung: ladder.rung, tookMs, ...seenOf(after.reading) }, 'pile is seen to be off');
    this.#add('stop-proven', about, { rung: ladder.rung, tookMs, ...seenOf(after.reading) });
  }

  /** The pile has taken a write. @param registers null: it was an output of the site's that was written */
  written(state: ConnectorState, write: Write, registers: readonly string[] | null, tookMs: number): void {
    const about = this.#aboutWrite(state, write);
    this.#add('written', about, { write: write.write, registers, limitMa: write.limitMa, tookMs: Math.round(tookMs) });
    this.#unread.push({ write, monoMs: this.#parts.stamp().monoMs, requestIds: about.requestIds });
  }

  notWritten(state: ConnectorState, write: Write, detail: string): void {
    this.#add('not-written', this.#aboutWrite(state, write), { write: write.write, detail });
  }

  stored({ session, records }: LedgerTransaction, reason: string | null = null): void {
    const commands = records.flatMap((body) => (body.kind === 'command.reported' ? [body.commandId] : []));
    const of = session?.session;
    const asked = of === undefined ? [] : [of.requestId, ...this.#requestsOf(of.stop?.commandIds ?? [])];
    const requestIds = [...new Set([...asked, ...this.#requestsOf(commands)])];
    if (requestIds.length === 0 || records.length === 0) return;
    const kinds = records.map((body) =>
      body.kind === 'command.reported' ? `command.reported ${body.status}` : body.kind,
    );
    const about = { requestIds, sessionId: of?.sessionId ?? null };
    if (reason === null) this.#add('stored', about, { records: kinds });
    else this.#add('not-stored', about, { records: kinds, reason });
  }

  /** Whose requests a write, or a change of phase, is for. */
  requestIdsOf(...phases: readonly Phase[]): string[] {
    const asked = phases.flatMap((phase) => {
      const session = sessionOf(phase);
      if (session !== null) return [session.requestId, ...this.#requestsOf(session.stop?.commandIds ?? [])];
      return phase.kind === 'checking' ? [phase.wish.requestId] : [];
    });
    return [...new Set(asked)];
  }

  #aboutWrite({ phase, maintaining }: ConnectorState, { requestId }: Write) {
    const maintained = maintaining?.commandId == null ? [] : this.#requestsOf([maintaining.commandId]);
    const own = requestId === null ? maintained : [requestId, ...this.requestIdsOf(phase)];
    return { requestIds: [...new Set(own)], sessionId: sessionOf(phase)?.sessionId ?? null };
  }

  #command(command: Extract<ConnectorEvent, { kind: 'command' }>['command']): void {
    const { commandId, requestId, kind } = command;
    this.#requests.set(commandId, requestId);
    const oldest = this.#requests.keys().next();
    if (this.#requests.size > COMMANDS_KEPT && !oldest.done) this.#requests.delete(oldest.value);
    const sessionId = 'sessionId' in command ? command.sessionId : null;
    this.#add('command', { requestIds: [requestId], sessionId }, { command: kind, commandId });
  }

  /** A look that was asked for after a write shows what has become of it. */
  #readBack(reading: Reading, requestedMonoMs: number): void {
    if (this.#unread.length === 0) return;
    const seen = this.#unread.filter(({ monoMs }) => requestedMonoMs >= monoMs);
    this.#unread = this.#unread.filter(({ monoMs }) => requestedMonoMs < monoMs);
    for (const { write, monoMs, requestIds } of seen) {
      const detail = { write: write.write, afterMs: this.#parts.stamp().monoMs - monoMs, ...seenOf(reading) };
      this.#parts.log.info({ requestIds, ...detail }, 'pile is read back');
      this.#add('read-back', { requestIds, sessionId: null }, detail);
    }
  }

  #requestsOf(commandIds: readonly string[]): string[] {
    return commandIds.flatMap((commandId) => this.#requests.get(commandId) ?? []);
  }

  #add(
    what: RequestNote['what'],
    about: { readonly requestIds: readonly string[]; readonly sessionId: string | null },
    detail: RequestNote['detail'],
  ): void {
    const { keep, connectorId, stamp } = this.#parts;
    if (keep === null || about.requestIds.length === 0) return;
    const { wallMs, monoMs, clock } = stamp();
    keep({ wallMs, monoMs, clock, connectorId, ...about, what, detail });
  }
}

const provenMonoMs = (phase: Phase): number | null => (phase.kind === 'stopping' ? phase.provenMonoMs : null);

/** What a person would ask of a look at a pile. */
function seenOf(reading: Reading | null): Record<string, unknown> {
  if (reading === null) return { status: 'unread' };
  const { status, currentMa, powerW, setpointMa, registerWh } = reading;
  return { status, currentMa, powerW, setpointMa, registerWh };
}
