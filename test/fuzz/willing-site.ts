import { connectFakeEdge, type FakeEdge } from '../../cloud/testing/fake-edge.ts';
import type { Stage } from '../../cloud/testing/fixtures.ts';
import { ended, reported, started } from '../../cloud/testing/records.ts';
import { machineClock } from '../../cloud/testing/test-clock.ts';
import type { ChargeLimits } from '../../shared/charge-limits.ts';
import { rate } from '../../shared/tariff/rate.ts';
import type { Tariff } from '../../shared/tariff/tariff.ts';
import type { Command } from '../../shared/wire/messages.ts';

const TELL_EVERY_MS = 4_000;

interface Running {
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
    await edge.hello();
    const site = new WillingSite(edge, stage);
    await site.#tellStates();
    void site.#tellForEver();
    void site.#obeyForEver();
    return site;
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    await this.#edge.close();
  }

  async #tellStates(): Promise<void> {
    for (const connectorId of this.#stage.connectorIds) await this.#edge.state(connectorId);
  }

  async #tellForEver(): Promise<void> {
    while (this.#isOpen) {
      await new Promise((resolve) => setTimeout(resolve, TELL_EVERY_MS));
      if (this.#isOpen) await this.#tellStates().catch((error: Error) => this.troubles.push(error.message));
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
      this.#sessions.set(session.sessionId, { orderId, connectorId, holdMinor, tariff, limits });
      await this.#edge.record(session);
    } else if (command.kind === 'stop') {
      const { sessionId } = command;
      const running = this.#sessions.get(sessionId);
      if (running === undefined) return;
      this.#sessions.delete(sessionId);
      const { holdMinor, tariff, limits, ...where } = running;
      const startMs = machineClock.wallMs() - 3_600_000;
      const end = ended(this.#edge, this.#stage, { sessionId, ...where, startMs, commandId });
      const hold = holdMinor === undefined ? {} : { holdMinor };
      const rating = rate(tariff, end.cdr.readings, hold);
      const agreed = { ...hold, ...(limits !== undefined && { limits }), tariff, rating };
      await this.#edge.record({ ...end, cdr: { ...end.cdr, ...agreed } });
    } else if (command.kind === 'raise-hold') {
      const running = this.#sessions.get(command.sessionId);
      if (running !== undefined) this.#sessions.set(command.sessionId, { ...running, holdMinor: command.holdMinor });
      await this.#edge.record(reported(commandId, 'done'));
    } else await this.#edge.record(reported(commandId, 'done'));
  }
}
