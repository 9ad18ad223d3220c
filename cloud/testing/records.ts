import { rate } from '#shared/tariff/rate.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { StartCommand } from '#shared/wire/messages.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { systemRandom } from '../random.ts';
import type { FakeEdge } from './fake-edge.ts';
import { exampleTariff, type Stage } from './fixtures.ts';

type Reported = RecordOf<'command.reported'>;
type Started = RecordOf<'session.started'>;

/** Record bodies as an edge writes them. */
export const reported = (commandId: string, status: Reported['status'], change: Partial<Reported> = {}): Reported => ({
  kind: 'command.reported',
  commandId,
  status,
  sessionId: null,
  code: null,
  detail: null,
  ...change,
});

/** A session that a start command began, at a register of 1,000 Wh. */
export function started(
  edge: Pick<FakeEdge, 'stamp'>,
  command: StartCommand,
  sessionId = systemRandom.uuid(),
): Started {
  return {
    kind: 'session.started',
    sessionId,
    pileId: `${command.connectorId}-pile`,
    connectorId: command.connectorId,
    orderId: command.orderId,
    commandId: command.commandId,
    startedAt: edge.stamp(),
    meterStartWh: 1_000,
    limitMa: 16_000,
  };
}

export interface EndOptions {
  readonly sessionId: string;
  readonly orderId: string | null;
  readonly commandId?: string | null;
  readonly connectorId: string;
  readonly startMs: number;
  readonly minutes?: number;
  readonly energyWh?: number;
  readonly change?: Partial<Cdr>;
}

/** The end of a charge with two readings, rated as the edge rates it. */
export function ended(
  edge: Pick<FakeEdge, 'stamp'>,
  stage: Pick<Stage, 'siteId'>,
  options: EndOptions,
): RecordOf<'session.ended'> {
  const { minutes = 60, energyWh = 7_000, startMs } = options;
  const endMs = startMs + minutes * 60_000;
  const readings: Cdr['readings'] = [
    { atMs: startMs, registerWh: 1_000, quality: 'measured' },
    { atMs: endMs, registerWh: 1_000 + energyWh, quality: 'measured' },
  ];
  const cdr: Cdr = {
    cdrId: systemRandom.uuid(),
    sessionId: options.sessionId,
    siteId: stage.siteId,
    pileId: `${options.connectorId}-pile`,
    connectorId: options.connectorId,
    orderId: options.orderId,
    commandId: options.commandId ?? null,
    startedAt: edge.stamp(startMs),
    endedAt: edge.stamp(endMs),
    durationMs: endMs - startMs,
    meterStartWh: 1_000,
    meterEndWh: 1_000 + energyWh,
    energyWh,
    readings,
    stopReason: 'partner',
    faultCode: null,
    marks: [],
    voidReason: null,
    tariff: exampleTariff,
    rating: rate(exampleTariff, readings),
    ...options.change,
  };
  return { kind: 'session.ended', cdr };
}
