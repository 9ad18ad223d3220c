import { EventEmitter } from 'node:events';
import modbusSerial from 'modbus-serial';
import { isRead, type ModbusRequest } from './request.ts';

/** The package is CommonJS: its class is the `default` of its exports. */
const ModbusClient = modbusSerial.default;

export type Decoded =
  | { readonly kind: 'answer'; readonly answer: readonly number[] }
  | { readonly kind: 'refused'; readonly code: number; readonly detail: string }
  | { readonly kind: 'broken'; readonly reason: 'mismatch'; readonly detail: string };

/** The port that modbus-serial's client is given: it only passes frames on, one question at a time. */
class FramePort extends EventEmitter {
  readonly isOpen = true;
  written: Uint8Array = new Uint8Array();

  open(done: (error: Error | null) => void): void {
    done(null);
  }

  write(adu: Uint8Array): void {
    this.written = adu;
  }

  close(done: () => void): void {
    done();
  }
}

/**
 * Requests and replies through modbus-serial's client, which knows the function codes. Its own RTU ports are not used:
 * they never clear their buffer, so that after one late reply every following read returns the registers of the
 * request before.
 */
export class ModbusCodec {
  readonly #port = new FramePort();
  readonly #client = new ModbusClient(this.#port);
  #decoded: Decoded | null = null;

  constructor() {
    this.#client.open(() => {});
  }

  /** The request as an RTU frame. What is decoded next is its reply. */
  encode(unit: number, request: ModbusRequest): Uint8Array {
    this.#decoded = null;
    const count = isRead(request) ? request.count : 0;
    const done = (error: unknown, reply: unknown) => {
      const words = dataOf(reply).slice(0, count).map(Number);
      this.#decoded = error === null || error === undefined ? { kind: 'answer', answer: words } : refusalOf(error);
    };
    this.#write(unit, request, done);
    return this.#port.written;
  }

  /** Decodes the reply, an RTU frame that has been judged to belong to the request. */
  decode(adu: Uint8Array): Decoded {
    this.#port.emit('data', Buffer.from(adu.buffer, adu.byteOffset, adu.byteLength));
    return this.#decoded ?? { kind: 'broken', reason: 'mismatch', detail: 'not understood' };
  }

  #write(unit: number, request: ModbusRequest, done: (error: unknown, reply: unknown) => void): void {
    const client = this.#client;
    switch (request.fc) {
      case 1:
        return client.writeFC1(unit, request.address, request.count, done);
      case 2:
        return client.writeFC2(unit, request.address, request.count, done);
      case 3:
        return client.writeFC3(unit, request.address, request.count, done);
      case 4:
        return client.writeFC4(unit, request.address, request.count, done);
      case 5:
        return client.writeFC5(unit, request.address, request.on, done);
      case 6:
        return client.writeFC6(unit, request.address, request.word, done);
      case 16:
        return client.writeFC16(unit, request.address, [...request.words], done);
    }
  }
}

/** A read's registers, or bits as booleans, padded to whole bytes. */
function dataOf(reply: unknown): readonly unknown[] {
  const data = typeof reply === 'object' && reply !== null && 'data' in reply ? reply.data : null;
  return Array.isArray(data) ? data : [];
}

function refusalOf(error: unknown): Decoded {
  const detail = error instanceof Error ? error.message : String(error);
  const code = typeof error === 'object' && error !== null && 'modbusCode' in error ? Number(error.modbusCode) : null;
  return code === null ? { kind: 'broken', reason: 'mismatch', detail } : { kind: 'refused', code, detail };
}
