import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '..', '..');
const READY_WITHIN_MS = 60_000;
const END_WITHIN_MS = 8000;

export interface ChildSpec {
  readonly name: string;
  /** Path of the program inside the repository. */
  readonly program: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where its log goes: JSON lines, one event each. */
  readonly logFile: string;
}

export interface Child<Ready> {
  readonly name: string;
  readonly pid: number;
  /** The line of JSON that the program prints when it is ready. */
  readonly ready: Ready;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Asks it to end and waits; after a while it is ended. */
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts one of the project's programs as a process of its own and waits until it says that it is ready.
 *
 * @throws Error with the last lines of its log when it ends, or says nothing, instead
 */
export async function startChild<Ready>(spec: ChildSpec): Promise<Child<Ready>> {
  mkdirSync(dirname(spec.logFile), { recursive: true });
  const log = openSync(spec.logFile, 'a');
  const child = spawn(process.execPath, [join(ROOT, spec.program), ...(spec.args ?? [])], {
    cwd: ROOT,
    env: { ...process.env, ...spec.env },
    stdio: ['ignore', 'pipe', log],
  });
  closeSync(log);
  const ended = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  try {
    const ready = await readyLine<Ready>(child, ended);
    return {
      name: spec.name,
      pid: child.pid ?? 0,
      ready,
      ended,
      kill: (signal) => child.kill(signal),
      stop: () => stop(child, ended),
    };
  } catch (error) {
    await stop(child, ended);
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${spec.name} did not start: ${reason}\n${lastLines(spec.logFile)}\n(whole log: ${spec.logFile})`);
  }
}

function readyLine<Ready>(child: ChildProcess, ended: Promise<number | string>): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('it is not ready after 60 s')), READY_WITHIN_MS);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    void ended.then((how) => settle(() => reject(new Error(`it ended (${how})`))));
    if (child.stdout === null) return reject(new Error('it has no output'));
    createInterface({ input: child.stdout }).once('line', (line) => settle(() => resolve(JSON.parse(line))));
  });
}

async function stop(child: ChildProcess, ended: Promise<number | string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}

function lastLines(path: string): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
}
