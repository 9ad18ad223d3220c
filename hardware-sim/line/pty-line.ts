import type { Attach, ByteEar } from './byte-end.ts';
import { linkDevice, unlinkDevice } from './device-path.ts';
import type { OpenLine } from './open-line.ts';
import { openPtyPair, type PtyPair } from './pty-pair.ts';

/** Where a serial line shows itself. */
export interface PtySettings {
  readonly lineId: string;
  /** A stable path that always leads to the present pseudo-terminal. */
  readonly path?: string | undefined;
}

interface Plugged {
  readonly pair: PtyPair;
  readonly ear: ByteEar;
}

/**
 * Serves a serial line at a pseudo-terminal.
 *
 * Unplugging closes every descriptor on our side: the master's reads and writes fail and the device's path is gone. Plugging
 * makes a new pseudo-terminal under the same stable path.
 */
export async function openPtyLine(settings: PtySettings, attach: Attach): Promise<OpenLine> {
  const { lineId, path } = settings;
  let plugged: Plugged | undefined = await plugIn(settings, attach);
  let address = { lineId, transport: 'serial', path: path ?? plugged.pair.path } as const;

  const unplug = async (): Promise<void> => {
    if (plugged === undefined) return;
    const { pair, ear } = plugged;
    plugged = undefined;
    ear.onClosed();
    if (path !== undefined) unlinkDevice(path, pair.path);
    await pair.close();
  };
  const plug = async (): Promise<void> => {
    if (plugged !== undefined) return;
    plugged = await plugIn(settings, attach);
    address = { lineId, transport: 'serial', path: path ?? plugged.pair.path };
  };
  return {
    get address() {
      return address;
    },
    unplug,
    plug,
    close: unplug,
  };
}

async function plugIn(settings: PtySettings, attach: Attach): Promise<Plugged> {
  const pair = await openPtyPair();
  const ear = attach({ write: (bytes) => void pair.device.write(bytes), hangUp: () => {} });
  pair.device.on('data', ear.onBytes);
  try {
    if (settings.path !== undefined) linkDevice(settings.path, pair.path);
  } catch (error) {
    ear.onClosed();
    await pair.close();
    throw error;
  }
  return { pair, ear };
}
