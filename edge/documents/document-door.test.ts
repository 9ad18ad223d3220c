import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { PilegateError } from '#shared/errors.ts';
import type { RecordBody, RecordOf } from '#shared/wire/records.ts';
import { openLedger } from '../ledger/testing.ts';
import { DocumentDoor, type OfferedDocument } from './document-door.ts';
import { documentDigest } from './document-history.ts';
import { at, type Note, noteReader, standing } from './testing.ts';

type Report = RecordOf<'document.reported'>;
const isReport = (body: RecordBody): body is Report => body.kind === 'document.reported';

/** A door over a real ledger, and a way to end the process and begin anew. */
function doorOn(
  opened: Pick<ReturnType<typeof openLedger>, 'ledger' | 'reopen'> = openLedger(),
  file: string | null = null,
) {
  const { ledger } = opened;
  const inForce: Note[] = [];
  const state = { isFull: false };
  const door = new DocumentDoor<Note>({
    kind: 'tariffs',
    reader: noteReader,
    history: ledger.documents(),
    stamp: () => at,
    log: pino({ level: 'silent' }),
    onActive: (note) => void inForce.push(note),
    store(change, records) {
      if (state.isFull) return Promise.reject(new Error('the disk is full'));
      ledger.putDocuments(change, records, at);
      return Promise.resolve();
    },
  });
  door.open(file === null ? null : { path: 'tariffs.json', readText: () => file });
  const offer = (text: string, change: Partial<OfferedDocument> = {}) =>
    door.offer({ text, source: 'pilectl', name: 'tariffs.json', version: null, ...change });
  const push = (version: number, text = note(version)) => offer(text, { source: 'cloud', version });
  const reports = () =>
    (ledger.nextBatch({ records: 100, bytes: 1e6 })?.records ?? [])
      .map(({ body }) => body as RecordBody)
      .filter(isReport)
      .map(({ version, status }) => `${version} ${status}`);
  return { ledger, door, inForce, state, offer, push, reports, again: (next = file) => doorOn(opened.reopen(), next) };
}

const note = (version: number, text = 'x') => JSON.stringify({ version, note: text });

describe('ED-15 one door for a file, a technician and the cloud', () => {
  test('the same document gives the same result by all three ways, byte for byte', async () => {
    const byHand = doorOn();
    await byHand.offer(note(3));
    const pushed = doorOn();
    await pushed.push(3);
    const fromFile = doorOn(undefined, note(3));
    await fromFile.door.close();
    const results = [byHand, pushed, fromFile].map(({ door, ledger }) => ({
      active: door.active,
      rows: ledger.documents().map(({ source, ...row }) => row),
    }));
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    expect(results[0]?.active).toEqual({ version: 3, note: 'x' });
  });

  test('a document is in force as soon as it is on disk, is told, and is in force after a restart', async () => {
    const { door, offer, inForce, again, reports } = doorOn();
    expect(await offer(note(1))).toEqual({ kind: 'done', version: 1, status: 'active', detail: null });
    expect([door.active, inForce, reports()]).toEqual([
      { version: 1, note: 'x' },
      [{ version: 1, note: 'x' }],
      ['1 active'],
    ]);
    expect(again().door.active).toEqual({ version: 1, note: 'x' });
  });

  test('what is refused leaves ledger and force as they were, and says why', async () => {
    const { door, offer, push, ledger, reports } = doorOn();
    await offer(note(1));
    const before = ledger.documents();
    expect(await offer('{ "version": 2, "nots": 1 }')).toEqual({
      kind: 'refused',
      reason: 'tariffs.json: 1:17 nots: unknown key; did you mean "note"?',
    });
    expect(await push(2, '{ "version": 3 }')).toMatchObject({ kind: 'refused' });
    expect([door.active?.version, door.refused, ledger.documents()]).toEqual([
      1,
      'tariffs.json: it states version 3, and was sent as 2',
      before,
    ]);
    expect(reports()).toEqual(['1 active', '2 refused']);
  });

  test('what the disk does not take is not in force', async () => {
    const { door, offer, state } = doorOn();
    await offer(note(1));
    state.isFull = true;
    expect(await offer(note(2))).toEqual({
      kind: 'refused',
      reason: 'version 2 could not be stored: the disk is full',
    });
    expect([door.active?.version, standing(door.history)]).toEqual([1, '1 active']);
    state.isFull = false;
    expect(await offer(note(2))).toMatchObject({ kind: 'done', version: 2 });
  });
});

describe('ED-15 pushes come twice, and in any order', () => {
  test('a repeated push is answered again, and has no other effect', async () => {
    const { push, inForce, reports } = doorOn();
    await push(1);
    await push(1);
    expect([inForce.length, reports()]).toEqual([1, ['1 active', '1 active']]);
  });

  test('an older push that comes late is refused; a version never changes', async () => {
    const { door, push, reports } = doorOn();
    await push(4);
    await push(3);
    await push(4, note(4, 'other'));
    expect([door.active, reports()]).toEqual([{ version: 4, note: 'x' }, ['4 active', '3 refused', '4 refused']]);
  });

  test('a version that was rolled back is not taken again by a repeat of its push, and is by a technician', async () => {
    const { door, push, again, reports } = doorOn();
    await push(1);
    await push(2);
    expect(await door.rollBack()).toMatchObject({ kind: 'done', version: 1 });
    expect(await push(2)).toMatchObject({ kind: 'refused' });
    expect(standing(door.history)).toBe('2 rolled-back, 1 active');
    expect(reports()).toEqual(['1 active', '2 active', '2 rolled-back', '1 active', '2 rolled-back']);
    const next = again();
    expect(next.door.active?.version).toBe(1);
    expect(await next.offer(note(2))).toMatchObject({ kind: 'done', version: 2 });
  });
});

describe('SY-07 a push that nobody has signed', () => {
  const refusal = { code: 'document.unsigned', detail: 'signed by nobody' } as const;
  const named = (version: number, text = note(version)) =>
    ({ version, digest: documentDigest(text), source: 'cloud', name: `version ${version}` }) as const;

  test('is told with its code, and has no effect', async () => {
    const { door, push, ledger, reports } = doorOn();
    await push(1);
    expect(await door.refuse(named(2), refusal)).toEqual({
      kind: 'refused',
      reason: 'version 2: document.unsigned: signed by nobody',
    });
    expect([standing(door.history), door.active?.version, reports()]).toEqual([
      '1 active',
      1,
      ['1 active', '2 refused'],
    ]);
    const told = ledger.nextBatch({ records: 100, bytes: 1e6 })?.records.at(-1)?.body;
    expect(told).toMatchObject({ code: 'document.unsigned', detail: door.refused });
  });

  test('leaves what it names as it stands', async () => {
    const { door, push, reports } = doorOn();
    await push(1);
    expect(await door.refuse(named(1), refusal)).toMatchObject({ kind: 'refused' });
    expect([standing(door.history), reports()]).toEqual(['1 active', ['1 active', '1 active']]);
  });
});

describe('ED-15 a file counts when it is another one than was taken last', () => {
  test('neither a later push nor a roll-back is undone by a restart', async () => {
    const { door, push, again } = doorOn(undefined, note(1));
    await door.close();
    await push(2);
    const next = again();
    await next.door.close();
    expect(next.door.active?.version).toBe(2);
    await next.door.rollBack();
    const last = next.again();
    await last.door.close();
    expect(last.door.active?.version).toBe(1);
  });

  test('an edited file is a new version', async () => {
    const { door, again } = doorOn(undefined, note(1));
    await door.close();
    const next = again(note(2));
    await next.door.close();
    expect(next.door.active?.version).toBe(2);
  });

  test('a broken file leaves in force what was', async () => {
    const { door, again } = doorOn(undefined, note(1));
    await door.close();
    const next = again('{ "version": ');
    await next.door.close();
    expect(next.door.active?.version).toBe(1);
    expect(next.door.refused).toContain('tariffs.json: 1:');
  });

  test('a file that cannot be read is told', async () => {
    const { door } = doorOn();
    door.open({
      path: 'gone.json',
      readText: () => {
        throw new PilegateError('config.invalid', 'gone.json: no such file');
      },
    });
    await door.close();
    expect(door.refused).toBe('gone.json: no such file');
  });
});

test('ED-15 a version that this software cannot read leaves none in force: an older one would bring old prices back', async () => {
  const { offer, again, ledger } = doorOn();
  await offer(note(1));
  const from = ledger.documents();
  ledger.putDocuments(
    {
      kind: 'tariffs',
      put: [
        ...from.map((row) => ({ ...row, state: 'former' as const })),
        ...from.map((row) => ({ ...row, version: 2, text: '{ "version": 2, "colour": "red" }' })),
      ],
      drop: [],
    },
    [],
    at,
  );
  const next = again();
  expect([next.door.active, next.door.refused]).toEqual([null, expect.stringContaining('colour: unknown key')]);
});

test('ED-11 after a damaged store has been replaced the documents are put into the new one', async () => {
  const { door, offer, ledger } = doorOn();
  await offer(note(1));
  await offer(note(2));
  const before = ledger.documents();
  ledger.putDocuments({ kind: 'tariffs', put: [], drop: [1, 2] }, [], at);
  door.storeAgain();
  await door.close();
  expect(ledger.documents()).toEqual(before);
});
