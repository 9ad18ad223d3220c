import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What a box is known by, the surest first: its board's serial number, its mainboard's, its installation's. */
const sources = ['/sys/firmware/devicetree/base/serial-number', '/sys/class/dmi/id/product_uuid', '/etc/machine-id'];

/** A name for this box that another one does not have, and that says nothing else of it; null where the box has none. */
export function readControllerId(read: (path: string) => string = (path) => readFileSync(path, 'utf8')): string | null {
  for (const path of sources) {
    try {
      const name = read(path).replaceAll('\0', '').trim();
      if (name !== '') return createHash('sha256').update(name).digest('hex').slice(0, 16);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return null;
}

/** Not there, or only for other users to read. */
const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ENOENT', 'EACCES', 'EPERM', 'ENOTDIR'].includes(String(error.code));
