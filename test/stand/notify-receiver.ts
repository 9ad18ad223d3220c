import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Node has no Unix datagram socket. Descriptors that come along (`BARRIER=1`) are closed: that is the answer to them. */
const RECEIVER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
while True:
    data, descriptors, _, _ = socket.recv_fds(s, 4096, 4)
    for descriptor in descriptors:
        os.close(descriptor)
    print(data.decode().replace("\\n", "\\t"), flush=True)
`;

/** What a real service manager would hear at `NOTIFY_SOCKET`. */
export class NotifyReceiver {
  /** Everything told, in order, with the moment at which it came. */
  readonly told: { readonly atMs: number; readonly lines: readonly string[] }[] = [];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Whether this machine has what the test needs. */
  static isPossible(): boolean {
    return ['python3', 'systemd-notify'].every((program) => spawnSync(program, ['--version']).status === 0);
  }

  static async listen(path: string): Promise<NotifyReceiver> {
    const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const receiver = new NotifyReceiver(child);
    const lines = createInterface({ input: child.stdout });
    await once(lines, 'line');
    lines.on('line', (line) => {
      if (line !== 'BARRIER=1') receiver.told.push({ atMs: performance.now(), lines: line.split('\t') });
    });
    return receiver;
  }

  /** When each message came that has this line in it. */
  times(line: string): number[] {
    return this.told.filter(({ lines }) => lines.includes(line)).map(({ atMs }) => atMs);
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
