import { type ReadRequest, replyByteCount } from './request.ts';

/** What a reply tells of its question, beside the unit: a refusal its function, an answer the number of bytes too. */
interface Shape {
  readonly fc: number;
  readonly bytes: number;
}

/** With so many questions open, the unit has been silent for so long that what it did not say then is forgotten. */
const MOST_OPEN = 16;
const FUNCTIONS = [4, 3, 1, 2] as const;
/** "Gateway path unavailable" and "target failed to respond": the device itself has not answered and still may. */
const OF_GATEWAY: readonly number[] = [10, 11];

const shapeOf = (read: ReadRequest): Shape => ({ fc: read.fc, bytes: replyByteCount(read) });

/**
 * Reads whose answers may still be on the way. RTU frames name no question, and a gateway may hand out an answer of a
 * minute ago in place of the next one; of the same shape, it would be believed. So before a read that an overdue answer
 * could be taken for, one with another function is asked: a barrier. Answers keep their order, so whatever was asked
 * before the question that a reply belongs to is not answered any more.
 */
export class Unanswered {
  /** By unit, in the order asked. */
  readonly #open = new Map<number, Shape[]>();

  /** The barrier to ask first, or null when no overdue answer could be taken for this one's. */
  barrierFor(unit: number, read: ReadRequest): ReadRequest | null {
    const open = this.#openOf(unit);
    if (open.length >= MOST_OPEN) open.length = 0;
    if (this.mayAsk(unit, read)) return null;
    const others = FUNCTIONS.filter((fc) => fc !== read.fc);
    const fc = others.find((other) => open.every((shape) => shape.fc !== other)) ?? others[0] ?? 3;
    // One register or bit where that is enough: what lies behind it may be forbidden.
    const lengths = Array.from({ length: MOST_OPEN }, (_, i) => (fc <= 2 ? 8 * i + 1 : i + 1));
    const probes = lengths.map((count): ReadRequest => ({ fc, address: read.address, count }));
    return probes.find((probe) => this.mayAsk(unit, probe)) ?? null;
  }

  /** Whether an answer to it could only be its own. */
  mayAsk(unit: number, read: ReadRequest): boolean {
    const { fc, bytes } = shapeOf(read);
    return !this.#openOf(unit).some((shape) => shape.fc === fc && shape.bytes === bytes);
  }

  asked(unit: number, read: ReadRequest): void {
    this.#openOf(unit).push(shapeOf(read));
  }

  /**
   * A reply has come that fits `asked`, the latest question: it belongs to the first open one that it fits, and ends
   * all before.
   *
   * @returns whether it is the latest one's
   */
  answered(unit: number, asked: ReadRequest, exceptionCode: number | null): boolean {
    const { fc, bytes } = shapeOf(asked);
    const open = this.#openOf(unit);
    const first = open.findIndex((shape) => shape.fc === fc && (exceptionCode !== null || shape.bytes === bytes));
    const isLatest = first === open.length - 1;
    if (exceptionCode === null || !OF_GATEWAY.includes(exceptionCode)) open.splice(0, first + 1);
    return isLatest;
  }

  #openOf(unit: number): Shape[] {
    const open = this.#open.get(unit) ?? [];
    this.#open.set(unit, open);
    return open;
  }
}
