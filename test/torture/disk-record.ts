/** One thing that a program did to its files, as record-writes.c wrote it down. A name is relative to the recorded folder. */
export type DiskEvent =
  | { readonly kind: 'create'; readonly name: string }
  | { readonly kind: 'unlink'; readonly name: string }
  | { readonly kind: 'sync'; readonly name: string }
  | { readonly kind: 'write'; readonly name: string; readonly offset: number; readonly data: Buffer }
  | { readonly kind: 'truncate'; readonly name: string; readonly size: number }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string };

const HEAD_BYTES = 20;

/** @throws RangeError when the record is no whole one */
export function readRecord(record: Buffer): DiskEvent[] {
  const events: DiskEvent[] = [];
  for (let at = 0; at < record.length; ) {
    const nameEnd = at + HEAD_BYTES + record.readUInt16LE(at + 2);
    const toEnd = nameEnd + record.readUInt16LE(at + 4);
    const dataEnd = toEnd + record.readUInt32LE(at + 16);
    const name = record.toString('utf8', at + HEAD_BYTES, nameEnd);
    const offset = Number(record.readBigInt64LE(at + 8));
    const to = record.toString('utf8', nameEnd, toEnd);
    events.push(eventOf(record[at] ?? 0, { name, to, offset, data: record.subarray(toEnd, dataEnd) }));
    at = dataEnd;
  }
  return events;
}

function eventOf(kind: number, entry: { name: string; to: string; offset: number; data: Buffer }): DiskEvent {
  const { name, to, offset, data } = entry;
  switch (kind) {
    case 1:
      return { kind: 'create', name };
    case 2:
      return { kind: 'write', name, offset, data };
    case 3:
      return { kind: 'truncate', name, size: offset };
    case 4:
      return { kind: 'unlink', name };
    case 5:
      return { kind: 'rename', name, to };
    case 6:
      return { kind: 'sync', name };
    default:
      throw new RangeError(`an entry of kind ${kind}`);
  }
}
