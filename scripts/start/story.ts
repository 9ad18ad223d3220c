/** Tells a newcomer what happens, in a terminal or in a file. */
export class Story {
  readonly #out: NodeJS.WriteStream;
  #hasProgress = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  say(text: string): void {
    this.endProgress();
    this.#out.write(`${text}\n`);
  }

  step(number: number, what: string, outcome: string): void {
    this.say(`  ${number}. ${what.padEnd(38)} ${outcome}`);
  }

  /** On a terminal one line that changes; elsewhere a line each time. */
  progress(text: string): void {
    if (this.#out.isTTY) this.#out.write(`\r\u001b[K     ${text}`);
    else this.#out.write(`     ${text}\n`);
    this.#hasProgress = this.#out.isTTY === true;
  }

  endProgress(): void {
    if (this.#hasProgress) this.#out.write('\n');
    this.#hasProgress = false;
  }
}
