import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lintProfile } from '../lint/lint-profiles.ts';
import { loadProfile, loadProfiles, packagedProfiles } from '../load-profiles.ts';
import { type Json, packagedProfile, profileFolder, withValue } from '../profile/testing.ts';
import { ioBoardProfileSchema } from './io-board-profile.ts';

const board = packagedProfile('waveshare-relay-8ch-d');

/** "path: reason" of everything that the schema has against the profile with one value changed. */
function refusals(path: string, value: unknown): string[] {
  const parsed = ioBoardProfileSchema.safeParse(withValue(board, path, value));
  return (parsed.error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

describe('ED-02 ED-21 a board that cannot be relied on is refused', () => {
  test.each<[string, string, unknown, string]>([
    ['polled too rarely', 'timing.pollMs', 600, 'timing.pollMs: an emergency input is polled every 500 ms'],
    ['an input without a point', 'inputs.0.point', 'input9', 'inputs.0.point: no point is named "input9"'],
    ['an input that is a register', 'inputs.0.point', 'mode1', 'inputs.0.point: "mode1" is not one bit: say "mask": 1'],
    ['an input that is read once', 'points.input1.read', 'set-up', 'inputs.0.point: "input1" is read at set-up only'],
    ['a relay that cannot be written', 'outputs.0.write', 'relay9', 'outputs.0.write: no write is named "relay9"'],
    ['a relay that cannot be read back', 'outputs.0.point', 'relay9', 'outputs.0.point: no point is named "relay9"'],
    ['on and off alike', 'outputs.0.off', 1, 'outputs.0.off: the same as "on"'],
    ['a coil with a word', 'outputs.0.on', 2, 'outputs.0: a coil takes 0 or 1'],
    ['a write by the wrong function', 'writes.relay1.fc', 6, 'writes.relay1.type: function 6 writes u16'],
    ['a proof without a point', 'setupProof.0.point', 'mode9', 'setupProof.0.point: no point is named "mode9"'],
    [
      'a watchdog shorter than three polls',
      'watchdog',
      { timeoutMs: 700, refreshedBy: 'reads' },
      'watchdog.timeoutMs: at least three times pollMs (250)',
    ],
    ['no word of a watchdog', 'watchdog', undefined, 'watchdog: '],
    ['an unknown key', 'relays', 8, ': Unrecognized key: "relays"'],
  ])('%s', (_, path, value, complaint) => {
    expect(refusals(path, value)).toEqual(expect.arrayContaining([expect.stringContaining(complaint)]));
  });

  test('inputs and relays may be bits of registers as well', () => {
    const bit = (fc: 3 | 4) => ({ fc, address: 0x30, type: 'u16', shift: 3, mask: 1, unit: 'none' });
    const document = withValue(withValue(board, 'points.input1', bit(4)), 'points.relay1', bit(3));
    const written = withValue(document, 'writes.relay1', { fc: 6, address: 0x31, type: 'u16' });
    expect(ioBoardProfileSchema.safeParse(withValue(written, 'outputs.0.on', 0x0100)).error?.issues).toBeUndefined();
  });
});

describe('ED-02 the frames of a board are run against its profile', () => {
  function said(change: (document: Json) => Json): string[] {
    const text = JSON.stringify(change(structuredClone(board)));
    const folder = profileFolder({ 'waveshare-relay-8ch-d.json': text });
    return lintProfile(loadProfile(join(folder, 'waveshare-relay-8ch-d.json'))).map(
      ({ path, reason }) => `${path}: ${reason}`,
    );
  }
  const without = (name: string) => (document: Json) => ({
    ...document,
    vectors: (document.vectors as Json[]).filter((vector) => vector.name !== name),
  });

  test('as it is packaged there is nothing to say', () => {
    expect(said((document) => document)).toEqual([]);
  });

  test('a relay or an input at another address does not pass them', () => {
    expect(said((document) => withValue(document, 'writes.relay1.address', 1))[0]).toContain(
      'the edge sends 01 05 00 01',
    );
    expect(said((document) => withValue(document, 'points.input2.address', 9))).toEqual(
      expect.arrayContaining([expect.stringContaining('reads.input2: takes 9 to 9')]),
    );
  });

  test('a frame that is missing is told: both ways of a relay, and every contact', () => {
    expect(said(without('relay 1 off'))).toEqual(['outputs.0: no vector shows "relay1" written with 0']);
    expect(said(without('inputs: 2 closed'))).toHaveLength(8);
  });

  test('a write that no output uses, and a limit of something that has none', () => {
    const spare = (document: Json) => withValue(document, 'writes.spare', { fc: 5, address: 99, type: 'coil' });
    expect(said(spare)).toEqual(['writes.spare: no output writes it']);
    const limit = (document: Json) => withValue(document, 'vectors.3.writes', { write: 'relay1', limitMa: 6000 });
    expect(said(limit)).toEqual(expect.arrayContaining(['vectors.3.writes.limitMa: only a pile has a limit']));
  });
});

test('ED-02 every board has its page, with the source and what becomes of its relays without the edge', () => {
  const boards = [...loadProfiles(packagedProfiles).values()].filter((profile) => profile.kind === 'io-board');
  expect(boards.map(({ profileId }) => profileId)).toEqual(['waveshare-relay-8ch-d']);
  for (const { profileId, source, watchdog } of boards) {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/devices', `${profileId}.md`), 'utf8');
    expect(page).toContain(`Source: ${source}`);
    expect(page).toContain(watchdog === null ? 'Watchdog: none' : `Watchdog: ${watchdog.timeoutMs / 1000} s`);
  }
});
