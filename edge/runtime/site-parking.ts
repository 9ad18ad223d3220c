import type { SiteDevices, SiteParking } from '../config/site-devices.ts';
import { type Influence, noInfluence, objectionOf } from '../control/influence.ts';
import { blocksConnector, type Move, positionToReport } from '../control/parking/parking.ts';
import { ParkingDevice } from '../devices/framed/parking-device.ts';
import { type CommandResult, ParkingLoop, type ParkingLoopParts } from './parking-loop.ts';
import type { SiteLine } from './site-lines.ts';

/** One ground lock or barrier as the technician sees it. What it does not tell is null. */
export interface ParkingView {
  readonly deviceId: string;
  readonly connectorId: string;
  readonly position: 'up' | 'down' | 'moving';
  readonly bay: 'empty' | 'car' | 'unknown';
  readonly batteryPercent: number | null;
  readonly fault: string | null;
}

export interface SiteParkingParts extends Omit<ParkingLoopParts, 'facts' | 'device' | 'onChange'> {
  readonly devices: SiteDevices;
  readonly line: (lineId: string) => SiteLine;
  /** What keeps charges from beginning at a connector has changed. */
  readonly onInfluence: (connectorId: string, influence: Influence) => void;
}

/** Every ground lock and barrier of the site. */
export class ParkingField {
  readonly #parts: SiteParkingParts;
  readonly #loops: ReadonlyMap<string, { readonly parking: SiteParking; readonly loop: ParkingLoop }>;

  constructor(parts: SiteParkingParts) {
    this.#parts = parts;
    this.#loops = new Map(
      parts.devices.parking.map((parking) => [parking.config.deviceId, { parking, loop: this.#loop(parking) }]),
    );
  }

  start(): void {
    for (const { parking, loop } of this.#loops.values()) {
      this.#tell(parking.config.connectorId);
      loop.start();
    }
  }

  views(): ParkingView[] {
    return [...this.#loops.values()].map(({ parking, loop }) => ({
      deviceId: parking.config.deviceId,
      connectorId: parking.config.connectorId,
      position: positionToReport(loop.state, factsOf(this.#parts.devices, parking)),
      bay: loop.state.reading?.bay ?? 'unknown',
      batteryPercent: loop.state.reading?.batteryPercent ?? null,
      fault: loop.state.fault,
    }));
  }

  /** Null when the site has no such device. */
  move(deviceId: string, move: Move, by: string): Promise<CommandResult> | null {
    return this.#loops.get(deviceId)?.loop.command(move, by) ?? null;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#loops.values()].map(({ loop }) => loop.stop()));
  }

  #loop(parking: SiteParking): ParkingLoop {
    const { devices, line, log } = this.#parts;
    const { deviceId, connectorId, lineId, address } = parking.config;
    return new ParkingLoop({
      ...this.#parts,
      facts: factsOf(devices, parking),
      device: new ParkingDevice(address, parking.profile, line(lineId).line),
      log: log.child({ deviceId, connectorId }),
      onChange: () => this.#tell(connectorId),
    });
  }

  /** A connector with several devices is free when all of them work. */
  #tell(connectorId: string): void {
    const isBlocked = [...this.#loops.values()].some(
      ({ parking, loop }) => parking.config.connectorId === connectorId && blocksConnector(loop.state),
    );
    const refuse = isBlocked ? [objectionOf('parking-lock-fault')] : [];
    this.#parts.onInfluence(connectorId, { ...noInfluence, refuse });
  }
}

function factsOf({ piles }: SiteDevices, { config, profile }: SiteParking) {
  const pile = piles.find((candidate) => candidate.config.connectorId === config.connectorId);
  return {
    pileId: pile?.config.pileId ?? config.connectorId,
    connectorId: config.connectorId,
    device: profile.device,
    moveTimeoutMs: profile.moveTimeoutMs,
  };
}
