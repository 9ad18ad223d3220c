import { closeSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import { ReadStream } from 'node:tty';
import { SerialPort } from 'serialport';

/** A raw, 8-bit clean pseudo-terminal: `device` is our end, `path` is the serial port that a master program opens. */
export interface PtyPair {
  readonly path: string;
  readonly device: Duplex;
  close(): Promise<void>;
}

/** The native half of node-pty, as far as it is used: opens a pair and gives both descriptors. */
interface PtyBinding {
  open(columns: number, rows: number): { readonly master: number; readonly slave: number; readonly pty: string };
}

/**
 * Opens a pseudo-terminal pair for use as a serial line.
 *
 * node-pty's own `open()` reads the slave side, which steals bytes from the master program, and leaves a descriptor behind
 * when that stream is destroyed; its native binding does neither. The serialport binding puts the terminal into raw mode and
 * holds the slave side open without reading it: with no holder our end fails with EIO when the master program closes.
 */
export async function openPtyPair(): Promise<PtyPair> {
  const { master, slave, pty: path } = loadBinding().open(80, 24);
  const holder = await SerialPort.binding.open({
    path,
    baudRate: 19200,
    dataBits: 8,
    parity: 'none',
    stopBits: 1,
    lock: false,
    hupcl: false,
  });
  closeSync(slave);
  const device = new ReadStream(master);
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => device.once('close', () => resolve()));
    device.destroy();
    await closed;
    await holder.close();
  };
  return { path, device, close };
}

function loadBinding(): PtyBinding {
  const { requireBinary } = createRequire(import.meta.url)('@lydell/node-pty/requireBinary.js') as {
    requireBinary(name: string): PtyBinding;
  };
  return requireBinary('pty.node');
}
