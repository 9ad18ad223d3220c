import { lstatSync, mkdirSync, readlinkSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';

const PSEUDO_TERMINAL = /^\/dev\/pts\/\d+$/;

/**
 * Makes `path` a symbolic link to the pseudo-terminal `device`, as udev does below /dev/serial/by-id.
 *
 * A link to a pseudo-terminal, left over by an earlier run, is replaced in one step.
 * @throws when anything else stands there
 */
export function linkDevice(path: string, device: string): void {
  const present = targetOf(path);
  if (present.kind === 'foreign') throw new Error(`${path} is not a link to a pseudo-terminal and is left alone`);
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}.new`;
  symlinkSync(device, fresh);
  renameSync(fresh, path);
}

/** Removes the link at `path` if it still points to `device`. */
export function unlinkDevice(path: string, device: string): void {
  const present = targetOf(path);
  if (present.kind === 'terminal' && present.device === device) unlinkSync(path);
}

function targetOf(path: string): { kind: 'nothing' } | { kind: 'terminal'; device: string } | { kind: 'foreign' } {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { kind: 'nothing' };
  const device = found.isSymbolicLink() ? readlinkSync(path) : '';
  return PSEUDO_TERMINAL.test(device) ? { kind: 'terminal', device } : { kind: 'foreign' };
}
