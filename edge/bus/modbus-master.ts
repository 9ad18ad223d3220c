import type { DeviceTiming, Exchange, LinePort, Priority, Verdict } from './exchange.ts';
import { MORE } from './exchange.ts';
import { joined, judgeReply, type MbapReader, toMbap } from './framing.ts';
import { ModbusCodec } from './modbus-codec.ts';
import { frameBytes, isRead, type ModbusRequest, type ReadRequest } from './request.ts';
import { Unanswered } from './unanswered.ts';

export interface ModbusJob {
  readonly unit: number;
  readonly priority: Priority;
  readonly request: ModbusRequest;
  readonly timing: DeviceTiming;
  readonly isSuperseded?: () => boolean;
  readonly isPrivate?: boolean;
}

/** Asks Modbus devices on a line. */
export interface ModbusPort {
  /**
   * Sends one request when its turn comes.
   *
   * @returns the registers or bits of a read, nothing for a write
   * @throws LineError
   */
  request(job: ModbusJob): Promise<readonly number[]>;
}

type Words = readonly number[];
const MBAP_EXTRA_BYTES = 4;

const modbusDevice = (unit: number): string => `unit ${unit}`;

/** Modbus RTU on a serial line, or on a socket to a gateway that passes its frames through. */
export function rtuMaster(line: LinePort): ModbusPort {
  const codec = new ModbusCodec();
  const unanswered = new Unanswered();
  return {
    request: ({ unit, request, ...job }) =>
      line.ask({
        ...job,
        device: modbusDevice(unit),
        exchange: isRead(request)
          ? readExchange(codec, unanswered, unit, request)
          : writeExchange(codec, unit, request),
        answerBytes: frameBytes(request).reply,
      }),
  };
}

function writeExchange(codec: ModbusCodec, unit: number, request: ModbusRequest): Exchange<Words> {
  let adu: Uint8Array = new Uint8Array();
  let received: Uint8Array = new Uint8Array();
  return {
    begin() {
      adu = codec.encode(unit, request);
      return adu;
    },
    feed(bytes) {
      received = joined(received, bytes);
      const verdict = judgeReply(adu, received);
      return verdict.kind === 'answer' ? codec.decode(verdict.answer) : verdict;
    },
  };
}

/** A read; where an overdue answer could be taken for its own, a barrier goes first. */
function readExchange(codec: ModbusCodec, unanswered: Unanswered, unit: number, read: ReadRequest): Exchange<Words> {
  let asked = read;
  let adu: Uint8Array = new Uint8Array();
  let received: Uint8Array = new Uint8Array();

  function send(next: ReadRequest): Uint8Array {
    asked = next;
    received = new Uint8Array();
    unanswered.asked(unit, next);
    adu = codec.encode(unit, next);
    return adu;
  }

  return {
    begin: () => send(unanswered.barrierFor(unit, read) ?? read),
    feed(bytes) {
      received = joined(received, bytes);
      const verdict = judgeReply(adu, received);
      const isDamagedAnswer = verdict.kind === 'broken' && verdict.reason === 'crc' && received[1] === asked.fc;
      if (isDamagedAnswer) unanswered.answered(unit, asked, null);
      if (verdict.kind !== 'answer') return verdict;
      const decoded = codec.decode(verdict.answer);
      const isOwn = unanswered.answered(unit, asked, decoded.kind === 'refused' ? decoded.code : null);
      if (asked === read && isOwn) return decoded;
      if (asked !== read && unanswered.mayAsk(unit, read)) return { kind: 'next', send: send(read) };
      return { kind: 'broken', reason: 'mismatch', detail: `unit ${unit} may still answer an older question` };
    },
  };
}

/** Modbus TCP: a transaction id on every message, so a late reply is recognised and passed over. */
export function mbapMaster(line: LinePort, reader: MbapReader): ModbusPort {
  const codec = new ModbusCodec();
  let transactionId = 0;

  function exchange(unit: number, request: ModbusRequest): Exchange<Words> {
    let adu: Uint8Array = new Uint8Array();
    return {
      begin() {
        transactionId = (transactionId + 1) & 0xffff;
        adu = codec.encode(unit, request);
        return toMbap(adu, transactionId);
      },
      feed(bytes): Verdict<Words> {
        const messages = reader.push(bytes);
        if (messages === null) return { kind: 'lost', detail: 'not Modbus TCP' };
        const own = messages.find((message) => message.transactionId === transactionId);
        if (own === undefined) return MORE;
        const verdict = judgeReply(adu, own.adu);
        if (verdict.kind === 'answer') return codec.decode(verdict.answer);
        return verdict.kind === 'more' ? { kind: 'broken', reason: 'mismatch', detail: 'too short' } : verdict;
      },
    };
  }

  return {
    request: ({ unit, request, ...job }) =>
      line.ask({
        ...job,
        device: modbusDevice(unit),
        exchange: exchange(unit, request),
        answerBytes: frameBytes(request).reply + MBAP_EXTRA_BYTES,
      }),
  };
}
