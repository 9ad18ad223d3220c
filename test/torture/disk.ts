import type { Random } from '../../hardware-sim/faults/random.ts';
import type { DiskEvent } from './disk-record.ts';

type Change = Extract<DiskEvent, { kind: 'write' | 'truncate' }>;
type NameChange =
  | { readonly kind: 'link'; readonly name: string; readonly file: StoredFile }
  | { readonly kind: 'unlink'; readonly name: string };

/** Disks write whole sectors; a longer write can be cut off between any two of them. */
const SECTOR_BYTES = 512;

/** A file as a disk has it: what a sync has made safe, and what has been written since. */
interface StoredFile {
  safe: Buffer;
  unsynced: Change[];
}

/**
 * A disk that keeps its promises and not more: what was written to a file before its last sync is safe, and names in the
 * folder are safe after a sync of the folder. Of everything since, a power cut leaves any part in any order.
 */
export class Disk {
  readonly #names = new Map<string, StoredFile>();
  readonly #safeNames = new Map<string, StoredFile>();
  #unsyncedNames: NameChange[] = [];

  apply(event: DiskEvent): void {
    switch (event.kind) {
      case 'create':
        return this.#link(event.name, { safe: Buffer.alloc(0), unsynced: [] });
      case 'write':
      case 'truncate':
        return void this.#file(event.name).unsynced.push(event);
      case 'unlink':
        this.#names.delete(event.name);
        return void this.#unsyncedNames.push(event);
      case 'rename': {
        const file = this.#file(event.name);
        this.#names.delete(event.name);
        this.#unsyncedNames.push({ kind: 'unlink', name: event.name });
        return this.#link(event.to, file);
      }
      case 'sync':
        return event.name === '' ? this.#syncNames() : this.#sync(this.#file(event.name));
    }
  }

  /** What one power cut, of many that could be, leaves behind. The disk itself goes on. */
  crash(random: Random): Map<string, Buffer> {
    const names = new Map(this.#safeNames);
    for (const change of survivors(this.#unsyncedNames, random)) rename(names, change);
    const mood = moodOf(random);
    return new Map([...names].map(([name, file]) => [name, contentAfterCut(file, mood, random)]));
  }

  #file(name: string): StoredFile {
    const file = this.#names.get(name);
    if (file === undefined) throw new RangeError(`${name} is written before it is there`);
    return file;
  }

  #link(name: string, file: StoredFile): void {
    this.#names.set(name, file);
    this.#unsyncedNames.push({ kind: 'link', name, file });
  }

  #sync(file: StoredFile): void {
    file.safe = file.unsynced.reduce(changed, file.safe);
    file.unsynced = [];
  }

  #syncNames(): void {
    for (const change of this.#unsyncedNames) rename(this.#safeNames, change);
    this.#unsyncedNames = [];
  }
}

function rename(names: Map<string, StoredFile>, change: NameChange): void {
  if (change.kind === 'link') names.set(change.name, change.file);
  else names.delete(change.name);
}

/** Names are changed through the journal of the file system, in order: a cut leaves the first so many. */
const survivors = (changes: readonly NameChange[], random: Random): readonly NameChange[] =>
  changes.slice(0, Math.floor(random() * (changes.length + 1)));

/** How a cut treats what is not synced. */
interface Mood {
  readonly keeps: number;
  readonly tears: number;
  readonly isReordering: boolean;
}

function moodOf(random: Random): Mood {
  const drawn = random();
  if (drawn < 0.2) return { keeps: 0, tears: 0, isReordering: false };
  if (drawn < 0.3) return { keeps: 1, tears: 0, isReordering: false };
  return { keeps: random(), tears: random(), isReordering: random() < 0.5 };
}

function contentAfterCut({ safe, unsynced }: StoredFile, mood: Mood, random: Random): Buffer {
  const changes = mood.isReordering ? shuffled(unsynced, random) : unsynced;
  return changes.reduce((content, change) => {
    if (random() < mood.keeps) return changed(content, change);
    if (change.kind === 'truncate') return content;
    if (random() < mood.tears) return torn(content, change, random);
    // The file has grown already, and what was to be there has not come.
    return random() < 0.3 ? changed(content, grownOnly(content, change)) : content;
  }, safe);
}

function changed(content: Buffer, change: Change): Buffer {
  if (change.kind === 'truncate') return resized(content, change.size);
  const end = change.offset + change.data.length;
  const next = resized(content, Math.max(content.length, end));
  change.data.copy(next, change.offset);
  return next;
}

/** A new buffer of this size, with zeros where there was nothing. */
function resized(content: Buffer, size: number): Buffer {
  const next = Buffer.alloc(size);
  content.copy(next, 0, 0, Math.min(content.length, size));
  return next;
}

/** Each sector of the write is there or not. */
function torn(content: Buffer, { offset, data, ...write }: Extract<Change, { kind: 'write' }>, random: Random): Buffer {
  let next = content;
  for (let from = 0; from < data.length; ) {
    const to = Math.min(data.length, from + SECTOR_BYTES - ((offset + from) % SECTOR_BYTES));
    if (random() < 0.5) next = changed(next, { ...write, offset: offset + from, data: data.subarray(from, to) });
    from = to;
  }
  return next;
}

const grownOnly = (content: Buffer, { offset, data }: Extract<Change, { kind: 'write' }>): Change => ({
  kind: 'truncate',
  name: '',
  size: Math.max(content.length, offset + data.length),
});

function shuffled<Thing>(things: readonly Thing[], random: Random): Thing[] {
  return things
    .map((thing) => ({ thing, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ thing }) => thing);
}
