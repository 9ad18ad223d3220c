import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import type { MeterTruth } from '../../hardware-sim/meters/meter.ts';
import type { NetworkChange } from '../../hardware-sim/network/changes.ts';
import type { HouseLoadSettings } from '../../hardware-sim/network/house-load.ts';
import type { NodeTruth } from '../../hardware-sim/network/node.ts';
import type { PileTruth } from '../../hardware-sim/piles/truth.ts';
import type { VehicleSettings } from '../../hardware-sim/piles/vehicle-settings.ts';
import type { ReaderTruth } from '../../hardware-sim/readers/card-reader.ts';
import type { stationSchema } from '../../hardware-sim/station.ts';
import { type Child, startChild } from '../../scripts/start/child.ts';
import type { SimulatorReady } from '../../scripts/start/station.ts';

/** A station file. A serial line needs no path, a socket no port: they get those that stay theirs. */
export type StationDocument = z.input<typeof stationSchema>;

export interface Truth {
  /** The simulator's own clock, at this truth. */
  readonly nowMonoMs: number;
  readonly piles: readonly PileTruth[];
  readonly meters: readonly MeterTruth[];
  readonly network: readonly NodeTruth[];
}

/** The simulator as a process of its own, reached through its control API: nothing that tests or edge do can stall it. */
export class SimulatedStation {
  readonly #folder: string;
  #document: StationDocument;
  #child: Child<SimulatorReady>;

  private constructor(folder: string, document: StationDocument, child: Child<SimulatorReady>) {
    this.#folder = folder;
    this.#document = document;
    this.#child = child;
  }

  static async open(folder: string, document: StationDocument): Promise<SimulatedStation> {
    const lines = document.lines.map((line) =>
      line.transport === 'serial' ? { ...line, path: join(folder, line.lineId) } : line,
    );
    const child = await start(folder, { ...document, lines });
    const opened = lines.map((line) => {
      const found = child.ready.lines.find(({ lineId }) => lineId === line.lineId);
      return line.transport === 'serial' || found?.transport === 'serial' ? line : { ...line, port: found?.port ?? 0 };
    });
    return new SimulatedStation(folder, { ...document, lines: opened }, child);
  }

  /** Where each line is reached, also after {@link replace}. */
  get lines(): StationDocument['lines'] {
    return this.#document.lines;
  }

  /** Takes the station away and puts another in its place, on the same lines: that is how a device is replaced. */
  async replace(change: (document: StationDocument) => StationDocument): Promise<void> {
    await this.#child.stop();
    this.#document = change(this.#document);
    this.#child = await start(this.#folder, this.#document);
  }

  truth(): Promise<Truth> {
    return this.#call('GET', '/truth');
  }

  async pile(pileId: string): Promise<PileTruth> {
    const pile = (await this.truth()).piles.find((candidate) => candidate.pileId === pileId);
    if (pile === undefined) throw new TypeError(`there is no pile ${pileId}`);
    return pile;
  }

  vehicle(pileId: string, settings: VehicleSettings): Promise<PileTruth> {
    return this.#call('PUT', `/piles/${pileId}/vehicle`, settings);
  }

  /** @param target such as `piles/A1` or `lines/rtu1` @returns the fault's id */
  async fault(target: string, fault: object): Promise<string> {
    const { faultId }: { faultId: string } = await this.#call('POST', `/${target}/faults`, fault);
    return faultId;
  }

  clear(faultId: string): Promise<void> {
    return this.#call('DELETE', `/faults/${faultId}`);
  }

  /** Holds a card to a reader, half a second when nothing else is said. */
  presentCard(readerId: string, card: string, holdMs = 500): Promise<ReaderTruth> {
    return this.#call('POST', `/readers/${readerId}/card`, { card, holdMs });
  }

  /** What the pile's own reader shows from now on. */
  showCard(pileId: string, card: string | null): Promise<PileTruth> {
    return this.#call('PUT', `/piles/${pileId}/card`, { card });
  }

  /** Puts a load on a node of the network, in place of the one of its name. */
  load(nodeId: string, load: HouseLoadSettings): Promise<NodeTruth> {
    return this.#call('PUT', `/network/${nodeId}/load`, load);
  }

  /** What the network was asked to carry, from the `from`th change on. */
  changes(from: number): Promise<{ readonly next: number; readonly changes: readonly NetworkChange[] }> {
    return this.#call('GET', `/network/changes/${from}`);
  }

  /** Takes a line away for a while. */
  async unplug(lineId: string, durationMs: number): Promise<void> {
    await this.#call('POST', `/lines/${lineId}/unplug`, { durationMs });
  }

  powerCycle(pileId: string, offMs: number): Promise<PileTruth> {
    return this.#call('POST', `/piles/${pileId}/power-cycle`, { offMs });
  }

  close(): Promise<void> {
    return this.#child.stop();
  }

  /** Ends it without waiting. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #call<Reply>(method: string, path: string, body?: object): Promise<Reply> {
    const reply = await fetch(this.#child.ready.controlUrl + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`simulator: ${method} ${path}: ${reply.status} ${text}`);
    return text === '' ? (undefined as Reply) : JSON.parse(text);
  }
}

function start(folder: string, document: StationDocument): Promise<Child<SimulatorReady>> {
  const file = join(folder, 'station.json');
  writeFileSync(file, JSON.stringify(document));
  const args = ['--station', file];
  const logFile = join(folder, 'hardware-sim.log');
  return startChild({ name: 'hardware-sim', program: 'hardware-sim/main.ts', args, logFile });
}
