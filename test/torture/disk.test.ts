import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../hardware-sim/faults/random.ts';
import { Disk } from './disk.ts';
import type { DiskEvent } from './disk-record.ts';

const write = (name: string, offset: number, data: Buffer): DiskEvent => ({ kind: 'write', name, offset, data });
const filled = (byte: number, length: number) => Buffer.alloc(length, byte);

/** What is left of a file after each of many cuts; null when the file is not there. */
function remains(name: string, events: readonly DiskEvent[]): (Buffer | null)[] {
  const disk = new Disk();
  for (const event of events) disk.apply(event);
  const random = seededRandom(7);
  return Array.from({ length: 400 }, () => disk.crash(random).get(name) ?? null);
}

const different = (found: readonly (Buffer | null)[]) => new Set(found.map((one) => one?.toString('hex') ?? null));
const begin: DiskEvent[] = [
  { kind: 'create', name: 'a' },
  { kind: 'sync', name: '' },
];

describe('ED-09 the disk of the power cuts keeps its promises and not more', () => {
  test('what was synced is there after every cut, with what was written over it before', () => {
    const events = [...begin, write('a', 0, filled(1, 1024)), write('a', 512, filled(2, 100))];
    const whole = Buffer.concat([filled(1, 512), filled(2, 100), filled(1, 412)]);
    expect(different(remains('a', [...events, { kind: 'sync', name: 'a' }]))).toEqual(new Set([whole.toString('hex')]));
    expect(different(remains('a', events)).size).toBeGreaterThan(4);
  });

  test('an unsynced write is kept, dropped, torn between sectors, or has only made the file longer', () => {
    const found = different(remains('a', [...begin, write('a', 0, filled(1, 1024))]));
    const torn = [filled(1, 512), Buffer.concat([filled(0, 512), filled(1, 512)])];
    const expected = [filled(1, 1024), Buffer.alloc(0), ...torn, filled(0, 1024)];
    expect(found).toEqual(new Set(expected.map((one) => one.toString('hex'))));
  });

  test('of two unsynced writes to one place, either may be the last', () => {
    const found = different(
      remains('a', [...begin, write('a', 0, filled(1, 4)), write('a', 0, filled(2, 4)), write('a', 0, filled(3, 4))]),
    );
    for (const byte of [1, 2, 3]) expect(found).toContain(filled(byte, 4).toString('hex'));
  });

  test('a name is safe when its folder is synced, whatever became of the file', () => {
    const events: DiskEvent[] = [
      { kind: 'create', name: 'a' },
      write('a', 0, filled(1, 4)),
      { kind: 'sync', name: 'a' },
    ];
    expect(different(remains('a', events))).toEqual(new Set([null, '01010101']));
    expect(different(remains('a', [...events, { kind: 'sync', name: '' }]))).toEqual(new Set(['01010101']));
    const moved: DiskEvent[] = [...events, { kind: 'sync', name: '' }, { kind: 'rename', name: 'a', to: 'b' }];
    expect(different(remains('a', moved))).toEqual(new Set([null, '01010101']));
    expect(different(remains('b', [...moved, { kind: 'sync', name: '' }]))).toEqual(new Set(['01010101']));
    expect(different(remains('a', [...events, { kind: 'sync', name: '' }, { kind: 'unlink', name: 'a' }]))).toEqual(
      new Set([null, '01010101']),
    );
  });
});
