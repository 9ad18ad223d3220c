import { createHash, randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { connectFakeEdge, type FakeEdge } from '../../cloud/testing/fake-edge.ts';
import type { Stage } from '../../cloud/testing/fixtures.ts';
import { ended, reported, started } from '../../cloud/testing/records.ts';
import { machineClock } from '../../cloud/testing/test-clock.ts';
import type { ChargeLimits } from '../../shared/charge-limits.ts';
import { rate } from '../../shared/tariff/rate.ts';
import type { Tariff } from '../../shared/tariff/tariff.ts';
import type { Command } from '../../shared/wire/messages.ts';

const TELL_EVERY_MS = 4_000;
/** A charge that nobody ends ends by itself, or soon every connector would be taken. */
const LONGEST_CHARGE_MS = 8_000;
const BUNDLE = gzipSync('{"fuzz":true}');

interface Running {
  readonly beganMs: number;
  readonly orderId: string;
  readonly connectorId: string;
  readonly holdMinor: number | undefined;
  readonly tariff: Tariff;
  readonly limits: ChargeLimits | undefined;
}

/** A site that begins each charge which it is told to, and ends it when it is told so. */
export class WillingSite {
  readonly #edge: FakeEdge;
  readonly #stage: Pick<Stage, 'siteId' | 'connectorIds'>;
  readonly #sessions = new Map<string, Running>();
  readonly #shown = new Map<string, 'plugged' | 'available'>();
  readonly #heldFor = new Map<string, string>();
  /** A charge with this hold is billed otherwise than it was measured: a person has to look at it. */
  readonly oddHoldMinor = 4_321;
  #isOpen = true;
  /** What the cloud did with what it was told, where that was not to take it. */
  readonly troubles: string[] = [];

  private constructor(edge: FakeEdge, stage: Pick<Stage, 'siteId' | 'connectorIds'>) {
    this.#edge = edge;
    this.#stage = stage;
  }

  static async connect(
    brokerUrl: string,
    stage: Pick<Stage, 'siteId' | 'shard' | 'brokerPassword' | 'connectorIds'>,
  ): Promise<WillingSite> {
    const edge = await connectFakeEdge(brokerUrl, stage, machineClock);
    await edge.hello({ life: { lifeId: randomUUID(), formerLifeId: null, controllerId: null } });
    const site = new WillingSite(edge, stage);
    await site.#tellStates();
    void site.#tellForEver();
    void site.#obeyForEver();
    void site.#explainForEver();
    return site;
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    await this.#edge.close();
  }

  get siteId(): string {
    return this.#stage.siteId;
  }

  /** What the connector is from now on. */
  async show(connectorId: string, status: 'plugged' | 'available'): Promise<void> {
    this.#shown.set(connectorId, status);
    await this.#tellState(connectorId);
  }

  /** A record that nobody can apply: it waits for a person. */
  async tellNonsense(): Promise<void> {
    const body = ended(this.#edge, this.#stage, {
      sessionId: randomUUID(),
      orderId: randomUUID(),
      connectorId: 'no-such-connector',
      startMs: machineClock.wallMs(),
    });
    await this.#edge.record(body);
  }

  async raiseAlarm(): Promise<void> {
    const of = { pileId: null, connectorId: null, sessionId: null };
    const what = { code: 'emergency-stop', severity: 'warning', detail: 'fuzz' } as const;
    await this.#edge.record({ kind: 'alarm.raised', alarmId: randomUUID(), ...what, ...of });
  }

  async #tellStates(): Promise<void> {
    for (const connectorId of this.#stage.connectorIds) await this.#tellState(connectorId);
  }

  async #tellState(connectorId: string): Promise<void> {
    const status = this.#shown.get(connectorId) ?? 'plugged';
    await this.#edge.state(connectorId, { status, plugged: status === 'plugged' });
  }

  async #tellForEver(): Promise<void> {
    while (this.#isOpen) {
      await new Promise((resolve) => setTimeout(resolve, TELL_EVERY_MS));
      if (!this.#isOpen) return;
      const longAgoMs = machineClock.wallMs() - LONGEST_CHARGE_MS;
      const tired = [...this.#sessions].filter(([, { beganMs }]) => beganMs < longAgoMs);
      const work = async (): Promise<void> => {
        await this.#tellStates();
        for (const [sessionId] of tired) await this.#end(sessionId, null);
      };
      await work().catch((error: Error) => this.troubles.push(error.message));
    }
  }

  /** Answers whoever asks for diagnostics. */
  async #explainForEver(): Promise<void> {
    while (this.#isOpen) {
      const asked = await this.#edge.take('diagnose').catch(() => null);
      if (asked === null || !this.#isOpen) continue;
      const { bundleId, piece } = asked;
      const sha256 = createHash('sha256').update(BUNDLE).digest('hex');
      const told = { v: 1, siteId: this.siteId, bundleId, piece, pieces: 1, sha256, base64: BUNDLE.toString('base64') };
      await this.#edge.publish('piece', told).catch((error: Error) => this.troubles.push(error.message));
    }
  }

  async #obeyForEver(): Promise<void> {
    while (this.#isOpen) {
      const command = await this.#edge.take('command').catch(() => null);
      if (command === null || !this.#isOpen) continue;
      await this.#obey(command).catch((error: Error) => this.troubles.push(error.message));
    }
  }

  async #obey(command: Command): Promise<void> {
    const { commandId } = command;
    if (command.kind === 'start') {
      const session = started(this.#edge, command);
      const { orderId, connectorId, holdMinor, tariff, limits } = command;
      const beganMs = machineClock.wallMs();
      this.#sessions.set(session.sessionId, { beganMs, orderId, connectorId, holdMinor, tariff, limits });
      await this.#edge.record(session);
    } else if (command.kind === 'stop') await this.#end(command.sessionId, commandId);
    else if (command.kind === 'reserve') {
      const { reservationId, connectorId, untilMs } = command;
      this.#heldFor.set(reservationId, connectorId);
      const pileId = `${connectorId}-pile`;
      await this.#edge.record({ kind: 'reservation.active', reservationId, commandId, pileId, connectorId, untilMs });
      await this.#edge.record(reported(commandId, 'done'));
    } else if (command.kind === 'cancel-reservation') {
      const { reservationId } = command;
      const connectorId = this.#heldFor.get(reservationId);
      this.#heldFor.delete(reservationId);
      const how = { reason: 'cancelled', sessionId: null, heldMs: 1_000, detail: null } as const;
      if (connectorId !== undefined)
        await this.#edge.record({ kind: 'reservation.ended', reservationId, connectorId, ...how });
      await this.#edge.record(reported(commandId, 'done'));
    } else if (command.kind === 'raise-hold') {
      const running = this.#sessions.get(command.sessionId);
      if (running !== undefined) this.#sessions.set(command.sessionId, { ...running, holdMinor: command.holdMinor });
      await this.#edge.record(reported(commandId, 'done'));
    } else await this.#edge.record(reported(commandId, 'done'));
  }

  async #end(sessionId: string, commandId: string | null): Promise<void> {
    const running = this.#sessions.get(sessionId);
    if (running === undefined) return;
    this.#sessions.delete(sessionId);
    const { holdMinor, tariff, limits, orderId, connectorId } = running;
    const startMs = machineClock.wallMs() - 3_600_000;
    const end = ended(this.#edge, this.#stage, { sessionId, orderId, connectorId, startMs, commandId });
    const hold = holdMinor === undefined ? {} : { holdMinor };
    const rating = rate(tariff, end.cdr.readings, hold);
    const told =
      holdMinor === this.oddHoldMinor && rating !== null ? { ...rating, totalMinor: rating.totalMinor + 1 } : rating;
    const agreed = { ...hold, ...(limits !== undefined && { limits }), tariff, rating: told };
    const stopReason = commandId === null ? ('gun-removed' as const) : end.cdr.stopReason;
    await this.#edge.record({ ...end, cdr: { ...end.cdr, stopReason, ...agreed } });
  }
}
