import type { MonoClock, Scheduler } from '../world/clock.ts';
import type { Attach, ByteEar } from './byte-end.ts';
import type { OpenLine } from './open-line.ts';

/** What a master is told. */
export interface MasterListener {
  onBytes(bytes: Uint8Array): void;
  /** The line was unplugged, or the other side closed the connection. */
  onClosed(reason: string): void;
}

/** A master's end of a line in memory. */
export interface MasterEnd {
  readonly isOpen: boolean;
  /** @throws (rejects) while the line is unplugged, or when this end is open already */
  open(listener: MasterListener): Promise<void>;
  close(): Promise<void>;
  /** Bytes written while closed are lost. */
  write(bytes: Uint8Array): void;
}

/** A line without any device of the operating system, for simulated time. */
export interface MemoryLine extends OpenLine {
  unplug(): undefined;
  plug(): undefined;
  /** A new end for a master: of a serial line the same wire each time, of a network line a socket of its own. */
  newMaster(): MasterEnd;
}

/** A master's end that is open, seen from the line. */
interface Connection {
  readonly listener: MasterListener;
  readonly ear: ByteEar;
  open: boolean;
}

/**
 * Opens a line in memory, served by `attach`: what a master writes is heard in a step of its own at the same instant, and
 * replies come when `scheduler` says that their time has come. Receiver, timing and faults are those of the real lines.
 */
export function createMemoryLine(
  lineId: string,
  attach: Attach,
  clock: MonoClock,
  scheduler: Pick<Scheduler, 'at'>,
): MemoryLine {
  const connections = new Set<Connection>();
  let plugged = true;

  const drop = (connection: Connection): void => {
    connection.open = false;
    connections.delete(connection);
    connection.ear.onClosed();
  };
  const hangUp = (connection: Connection, reason: string): void => {
    if (!connection.open) return;
    drop(connection);
    connection.listener.onClosed(reason);
  };

  const connect = (listener: MasterListener): Connection => {
    const ear = attach({
      write: (bytes) => {
        if (connection.open) listener.onBytes(Uint8Array.from(bytes));
      },
      hangUp: () => hangUp(connection, 'closed by the device'),
    });
    const connection: Connection = { listener, ear, open: true };
    connections.add(connection);
    return connection;
  };

  const newMaster = (): MasterEnd => {
    let connection: Connection | undefined;
    return {
      get isOpen() {
        return connection?.open ?? false;
      },
      open: (listener) => {
        if (!plugged) return Promise.reject(new Error(`line ${lineId} is unplugged`));
        if (connection?.open) return Promise.reject(new Error(`line ${lineId} is open already`));
        connection = connect(listener);
        return Promise.resolve();
      },
      close: () => {
        if (connection?.open) drop(connection);
        return Promise.resolve();
      },
      write: (bytes) => {
        const heard = connection;
        const copy = Uint8Array.from(bytes);
        scheduler.at(clock.monoMs(), () => {
          if (heard?.open) heard.ear.onBytes(copy);
        });
      },
    };
  };

  const unplug = (): undefined => {
    plugged = false;
    for (const connection of [...connections]) hangUp(connection, 'unplugged');
  };
  const plug = (): undefined => {
    plugged = true;
  };
  const close = (): Promise<void> => {
    unplug();
    return Promise.resolve();
  };
  return { address: { lineId, transport: 'memory' }, unplug, plug, close, newMaster };
}
