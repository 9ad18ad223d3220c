/** A car hangs on every box, and takes what is offered on three phases. */
const PHASE_VOLTAGE = 230;
const PHASES = 3;
const STATE_PLUGGED = 2;
const STATE_CHARGING = 3;
const COOL_DC = 350;
/** Above the profile's limit of 80 °C. */
const HOT_DC = 900;

const [MEASURED, CONDITION] = [100, 200];
const COUNT = 10;
const [WATCHDOG, ENABLE, MAX_CURRENT] = [300, 301, 302];

/** Whether a request is the first step of one of the two ways to stop a box. */
export function isStopWrite(pdu: Uint8Array): boolean {
  const [functionCode, high = 0, low = 0, ...word] = pdu;
  const address = (high << 8) | low;
  return functionCode === 6 && (address === ENABLE || address === MAX_CURRENT) && word.every((byte) => byte === 0);
}

/** One pile of the benchmarks, as the profile in profiles/bench-box.json has it. It only answers. */
export class BenchBox {
  /** Its next word of its temperature will be that it is too hot. */
  isArmed = false;
  readonly #holding = new Map<number, number>([
    [WATCHDOG, 60],
    [ENABLE, 0],
    [MAX_CURRENT, 0],
  ]);
  #energyWh = 1_000_000;
  #countedMs = 0;
  #isHot = false;

  /** @returns the reply's PDU, and whether it has just told for the first time that the box is too hot */
  answer(pdu: Uint8Array, nowMs: number): { readonly pdu: Uint8Array; readonly isTelling: boolean } {
    const view = new DataView(pdu.buffer, pdu.byteOffset, pdu.byteLength);
    const address = view.getUint16(1);
    if (pdu[0] === 6) {
      this.#count(nowMs);
      this.#holding.set(address, view.getUint16(3));
      if (this.#offerDa === 0) this.#isHot = false;
      return { pdu, isTelling: false };
    }
    if (pdu[0] === 4 && view.getUint16(3) === COUNT && (address === MEASURED || address === CONDITION)) {
      if (address === MEASURED) return { pdu: wordsReply(4, this.#measured(nowMs)), isTelling: false };
      const isTelling = this.isArmed && this.#offerDa > 0;
      if (isTelling) {
        this.isArmed = false;
        this.#isHot = true;
      }
      const words = Array.from({ length: COUNT }, (_, i) => (i < COUNT - 1 ? 0 : this.#isHot ? HOT_DC : COOL_DC));
      return { pdu: wordsReply(4, words), isTelling };
    }
    const word = this.#holding.get(address);
    if (pdu[0] !== 3 || word === undefined) return { pdu: Uint8Array.of((pdu[0] ?? 0) | 0x80, 2), isTelling: false };
    return { pdu: wordsReply(3, [word]), isTelling: false };
  }

  /** In 0.1 A. */
  get #offerDa(): number {
    return this.#holding.get(ENABLE) === 1 ? (this.#holding.get(MAX_CURRENT) ?? 0) : 0;
  }

  get #powerW(): number {
    return (this.#offerDa * PHASES * PHASE_VOLTAGE) / 10;
  }

  #count(nowMs: number): void {
    this.#energyWh += (this.#powerW * (nowMs - this.#countedMs)) / 3_600_000;
    this.#countedMs = nowMs;
  }

  #measured(nowMs: number): number[] {
    this.#count(nowMs);
    const offerDa = this.#offerDa;
    const energyWh = Math.floor(this.#energyWh);
    const state = offerDa > 0 ? STATE_CHARGING : STATE_PLUGGED;
    return [state, offerDa, offerDa, offerDa, this.#powerW, 0, 0, 0, energyWh >>> 16, energyWh & 0xffff];
  }
}

function wordsReply(functionCode: number, words: readonly number[]): Uint8Array {
  const pdu = new Uint8Array(2 + 2 * words.length);
  const view = new DataView(pdu.buffer);
  pdu[0] = functionCode;
  pdu[1] = 2 * words.length;
  words.forEach((word, i) => {
    view.setUint16(2 + 2 * i, word);
  });
  return pdu;
}
