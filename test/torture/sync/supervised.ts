import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../../..');
/** As a supervisor of a machine would wait. */
const START_AGAIN_MS = 500;
const END_WITHIN_MS = 10_000;

export interface SupervisedSettings {
  readonly name: string;
  /** Path of the program inside the repository. */
  readonly program: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly logFile: string;
}

/** One of the project's programs, started again whenever it ends, until it is stopped. */
export class Supervised {
  readonly name: string;
  /** How often it ended by itself although it had been ready, with how it ended. */
  readonly endedByItself: string[] = [];
  /** How often it ended before it was ready. */
  failedStarts = 0;
  readonly #settings: SupervisedSettings;
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #isWanted = true;
  #isReady = false;
  #isKilled = false;
  readonly #waiting: ((ready: unknown) => void)[] = [];

  constructor(settings: SupervisedSettings) {
    this.name = settings.name;
    this.#settings = settings;
    // A run that is broken off leaves nothing running.
    process.once('exit', () => this.#child?.kill('SIGKILL'));
    this.#start();
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** The line that it says when it is ready, in this life or the next one that gets so far. */
  whenReady(): Promise<unknown> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends it with this signal, or lets it stand still, and lets it go on after so long. */
  async trouble(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP', downMs: number): Promise<void> {
    const child = this.#child;
    if (signal === 'SIGSTOP') {
      child?.kill('SIGSTOP');
      await pass(downMs);
      child?.kill('SIGCONT');
      return;
    }
    this.#isWanted = false;
    await this.#end(signal);
    await pass(downMs);
    this.#isWanted = true;
    if (this.#child === null) this.#start();
  }

  async stop(): Promise<void> {
    this.#isWanted = false;
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#isKilled = true;
    this.#child?.kill(signal);
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), END_WITHIN_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  #start(): void {
    const { program, args = [], env, logFile } = this.#settings;
    const log = openSync(logFile, 'a');
    const child = spawn(process.execPath, [join(ROOT, program), ...args], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', log],
    });
    closeSync(log);
    this.#child = child;
    this.#isReady = false;
    this.#isKilled = false;
    if (child.stdout !== null) createInterface({ input: child.stdout }).once('line', (line) => this.#ready(line));
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#takeEnd(code ?? signal ?? 'unknown');
        resolve();
      });
    });
  }

  #ready(line: string): void {
    this.#isReady = true;
    const ready: unknown = JSON.parse(line);
    for (const resolve of this.#waiting.splice(0)) resolve(ready);
  }

  #takeEnd(how: number | string): void {
    if (!this.#isKilled && this.#isReady) this.endedByItself.push(String(how));
    if (!this.#isKilled && !this.#isReady) this.failedStarts += 1;
    this.#child = null;
    this.#isReady = false;
    setTimeout(() => {
      if (this.#isWanted && this.#child === null) this.#start();
    }, START_AGAIN_MS);
  }
}

export const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
