import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface StartedProcess {
  readonly child: ChildProcess;
  /** What it said when it was ready. */
  readonly ready: unknown;
  stop(): Promise<void>;
}

/** Starts a program that says one line of JSON on its output when it is ready. It never outlives a bench that is broken off. */
export async function startProcess(
  args: readonly string[],
  options: SpawnOptions = { stdio: ['ignore', 'pipe', 'ignore'] },
): Promise<StartedProcess> {
  const child = spawn(process.execPath, args, options);
  const end = () => void child.kill('SIGKILL');
  process.once('exit', end);
  const exited = once(child, 'exit').finally(() => process.off('exit', end));
  if (child.stdout === null) throw new TypeError('no output');
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    exited.then(() => Promise.reject(new Error(`${args.join(' ')} has ended`))),
  ]);
  return {
    child,
    ready: JSON.parse(String(line)),
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
