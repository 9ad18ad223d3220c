import { expect } from 'vitest';
import type { Command, ConnectorView, Diagnose } from '#shared/wire/messages.ts';
import type { Stage } from '../../cloud/testing/fixtures.ts';
import type { Ledger } from '../../edge/ledger/ledger.ts';
import { type OpenBrokerSession, openBrokerSession } from '../../edge/link/broker-session.ts';
import { Link } from '../../edge/link/link.ts';
import { fastTime, quietLink } from '../../edge/link/testing.ts';

/** A box of a site: the edge's real link on a real ledger, with what it was told to do. */
export interface Box {
  readonly link: Link;
  readonly commands: Command[];
  /** Commands that were to be undone. */
  readonly cancels: string[];
}

/** Connects to a broker; time runs faster for the link than for the test. The caller closes the link. */
export function openBox(
  stage: Pick<Stage, 'siteId' | 'shard' | 'brokerPassword'>,
  brokerUrl: string,
  ledger: Ledger,
  openBroker: OpenBrokerSession = openBrokerSession,
  onDiagnose: (question: Diagnose) => void = () => {},
): Box {
  const { siteId, shard, brokerPassword } = stage;
  const commands: Command[] = [];
  const cancels: string[] = [];
  const link = new Link({
    ...quietLink(ledger),
    site: { siteId, shard, brokerUrl, password: brokerPassword },
    openBroker,
    clock: fastTime,
    timers: fastTime,
    fraction: () => 0.5,
    onCommand: (command) => commands.push(command),
    onCancel: (commandId) => cancels.push(commandId),
    onDiagnose,
  });
  return { link, commands, cancels };
}

/** A connector as the runtime shows it, with a car plugged in that does not charge. */
export function pluggedView(
  connectorId: string,
  observedAtMs: number,
  change: Partial<ConnectorView> = {},
): ConnectorView {
  const figures = { sessionId: null, energyWh: null, powerW: 0, currentMa: 0, temperatureC: 25, faults: [] };
  const about = { pileId: `${connectorId}-pile`, connectorId, observedAtMs };
  return { ...about, status: 'plugged', plugged: true, ...figures, ...change };
}

/**
 * The heartbeat, as the runtime sends it, as soon as the box is heard. Once: one that is taken in after the box is gone, or after time has
 * gone on, would say that the box is still there.
 */
export async function showOnce({ link }: Box, view: ConnectorView): Promise<void> {
  await expect.poll(() => link.isOpen, { interval: 20 }).toBe(true);
  link.showView([view]);
}
