import type { Exchange, LinePort, Priority, Verdict } from '../../bus/exchange.ts';
import type { ParkingReading } from '../../control/parking/reading.ts';
import { decodeReply, encodeRequest, frameBytes, type Message } from './frame.ts';
import { addressComplaint, hexBytes } from './framing-schema.ts';
import type { MoveCommand, ParkingProfile, PercentField } from './parking-profile.ts';

const byteOf = (hex: string): number => Number.parseInt(hex, 16);
const hexOf = (byte: number): string => byte.toString(16).padStart(2, '0').toUpperCase();

/** One ground lock or barrier on a serial line. It decides nothing. */
export class ParkingDevice {
  readonly profile: ParkingProfile;
  readonly address: number;
  readonly #line: LinePort;

  /** @param address as set at the device, within what its profile allows */
  constructor(address: number, profile: ParkingProfile, line: LinePort) {
    const complaint = addressComplaint(profile.framing, address);
    if (complaint !== null) throw new TypeError(complaint);
    this.address = address;
    this.profile = profile;
    this.#line = line;
  }

  /** @throws LineError */
  read(): Promise<ParkingReading> {
    const { command, payload, reply } = this.profile.query;
    const sizes = new Map([[byteOf(reply.command), reply.payloadBytes]]);
    const judge = (answer: Uint8Array) => ({ kind: 'answer' as const, answer: readingOf(this.profile, answer) });
    return this.#ask('poll', { command, payload }, sizes, judge, () => false);
  }

  /**
   * Tells it to move. Resolves when the device has taken the command, long before it is there. Both moves have one
   * priority: a move that overtook an older one on the line would be undone by it.
   *
   * @param isSuperseded asked when the line is free for it: whether it must not go out any more
   * @throws LineError `exception` when the device refuses; `superseded` when it has not gone out
   */
  move(move: 'raise' | 'lower', isSuperseded: () => boolean): Promise<void> {
    const told = this.profile.moves[move];
    const sizes = new Map([[byteOf(told.reply.command), hexBytes(told.reply.accepted).length]]);
    return this.#ask('command', told, sizes, (payload) => judgeMove(told, payload), isSuperseded);
  }

  #ask<Answer>(
    priority: Priority,
    { command, payload }: { readonly command: string; readonly payload: string },
    sizes: ReadonlyMap<number, number>,
    judge: (payload: Uint8Array) => Verdict<Answer>,
    isSuperseded: () => boolean,
  ): Promise<Answer> {
    const { profile, address } = this;
    const question = { command: byteOf(command), payload: hexBytes(payload) };
    const exchange = exchangeWith(profile, address, question, sizes, judge);
    const answerBytes = frameBytes(profile.framing, Math.max(...sizes.values()));
    const device = `${profile.device}:${address}`;
    return this.#line.ask({ device, priority, timing: profile.timing, exchange, answerBytes, isSuperseded });
  }
}

function exchangeWith<Answer>(
  { framing, refusals }: ParkingProfile,
  address: number,
  question: Message,
  sizes: ReadonlyMap<number, number>,
  judge: (payload: Uint8Array) => Verdict<Answer>,
): Exchange<Answer> {
  const refusalOf = (command: number) => refusals.find((refusal) => byteOf(refusal.command) === command);
  const sizeOf = (command: number): number | null => sizes.get(command) ?? refusalOf(command)?.payloadBytes ?? null;
  let received: Uint8Array = new Uint8Array();
  return {
    begin: () => encodeRequest(framing, address, question),
    feed(bytes) {
      received = Uint8Array.of(...received, ...bytes);
      const verdict = decodeReply(framing, address, received, sizeOf);
      if (verdict.kind !== 'answer') return verdict;
      const { command, payload } = verdict.answer;
      if (sizes.has(command)) return judge(payload);
      const refusal = refusalOf(command);
      if (refusal?.echoAt !== undefined && payload[refusal.echoAt] !== question.command)
        return { kind: 'broken', reason: 'mismatch', detail: 'refusal of another command' };
      const code = refusal?.codeAt === undefined ? command : (payload[refusal.codeAt] ?? 0);
      return { kind: 'refused', code, detail: `command ${hexOf(question.command)} refused with ${hexOf(code)}` };
    },
  };
}

function judgeMove({ reply }: MoveCommand, payload: Uint8Array): Verdict<void> {
  const means = (hex: string): boolean => Buffer.compare(hexBytes(hex), payload) === 0;
  if (means(reply.accepted)) return { kind: 'answer', answer: undefined };
  const refused = Object.entries(reply.refused).find(([hex]) => means(hex));
  if (refused === undefined) return { kind: 'broken', reason: 'mismatch', detail: 'an answer without a meaning' };
  return { kind: 'refused', code: payload[0] ?? 0, detail: refused[1] };
}

/** Decodes the payload of a query's reply. Pure. */
export function readingOf({ query: { reply } }: ParkingProfile, payload: Uint8Array): ParkingReading {
  const codeAt = (offset: number): string => hexOf(payload[offset] ?? 0);
  const { position, bay, alarm, battery } = reply;
  return {
    position: position.values[codeAt(position.offset)] ?? 'unknown',
    bay: bay.values[codeAt(bay.offset)] ?? 'unknown',
    alarm: alarm.values[codeAt(alarm.offset)] ?? 'unknown',
    batteryPercent: battery === undefined ? null : percentOf(battery, payload),
  };
}

function percentOf({ offset, bytes, order, type, max }: PercentField, payload: Uint8Array): number | null {
  const field = payload.slice(offset, offset + bytes);
  const hex = [...(order === 'high-first' ? field : field.reverse())].map(hexOf).join('');
  if (type === 'bcd' && !/^[0-9]+$/.test(hex)) return null;
  const percent = Number.parseInt(hex, type === 'bcd' ? 10 : 16);
  return percent <= max ? percent : null;
}
