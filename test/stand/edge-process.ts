import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '..', '..');
const END_WITHIN_MS = 10_000;
const KEPT_LINES = 8;

/** One line of a program's log, parsed. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface EdgeSettings {
  readonly siteFile: string;
  readonly logFile: string;
  /** Added to its environment: LD_PRELOAD, for one. */
  readonly env?: Readonly<Record<string, string>>;
}

/** One life of the real edge, from its start to its end. It can be killed before it is ready. */
export class EdgeProcess {
  readonly log: LogLine[] = [];
  /** Resolves when it says that it runs. Rejects when it ends before. */
  readonly ready: Promise<void>;
  /** Resolves with the exit code or the signal, when its last line has been read. */
  readonly ended: Promise<number | string>;
  onLog: (line: LogLine) => void = () => {};
  readonly #child: ChildProcess;
  /** What it said last, for whoever wonders why it ended. */
  #lastLines: readonly string[] = [];

  constructor({ siteFile, logFile, env }: EdgeSettings) {
    const child = spawn(process.execPath, [join(ROOT, 'edge/main.ts'), '--site', siteFile], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    createInterface({ input: child.stderr }).on('line', (line) => {
      appendFileSync(logFile, `${line}\n`);
      this.#take(line);
    });
    this.ready = new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', () => resolve());
      void this.ended.then((how) =>
        reject(new Error(`the edge ended before it was ready (${how}):\n${this.#lastLines.join('\n')}`)),
      );
    });
    // Whoever kills it on purpose does not wait for it to be ready.
    this.ready.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when the process is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.ended;
  }

  /** Asks it to end, as systemd would; one that does not is killed. */
  async stop(): Promise<number | string> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_WITHIN_MS);
    const how = await this.ended;
    clearTimeout(timer);
    return how;
  }

  #take(text: string): void {
    this.#lastLines = [...this.#lastLines, text].slice(-KEPT_LINES);
    // What a killed process leaves of a line is none.
    if (!text.startsWith('{') || !text.endsWith('}')) return;
    const line: LogLine = JSON.parse(text);
    this.log.push(line);
    this.onLog(line);
  }
}
