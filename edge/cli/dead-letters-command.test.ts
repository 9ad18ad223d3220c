import { pino } from 'pino';
import { expect, test } from 'vitest';
import { acknowledge, alarm, at, openLedger } from '../ledger/testing.ts';
import {
  answerDeadLetters,
  type DeadLetterDeps,
  deadLetterRequestOf,
  deadLettersText,
} from './dead-letters-command.ts';

const by = 'wang';

test.each([
  [[], { do: 'dead-letters' }],
  [['list'], { do: 'dead-letters' }],
  [['retry', '12'], { do: 'send-again', seq: 12, by }],
  [['retry', 'former-3'], { do: 'send-again', seq: -3, by }],
  [['drop', '12'], { do: 'drop', seq: 12, by }],
  [['list', '12'], null],
  [['retry'], null],
  [['retry', '-3'], null],
  [['retry', '12', '13'], null],
  [['retry', '12x'], null],
  [['forget', '12'], null],
])('ED-16 %j', (words, request) => {
  expect(deadLetterRequestOf(words, by)).toEqual(request);
});

test('ED-16 each has the number by which it can be asked for, and why it was refused', () => {
  const letter = { kind: 'session.ended', sessionId: 'S', code: 'record.refused', detail: 'no such order' };
  const lines = deadLettersText([
    { ...letter, seq: -3 },
    { ...letter, seq: 12, sessionId: null },
  ]).split('\n');
  expect(lines[0]).toMatch(/^ +former-3 {2}session.ended +record.refused: no such order {2}session S$/);
  expect(lines[1]).toMatch(/^ +12 {2}session.ended +record.refused: no such order$/);
  expect(deadLettersText([])).toContain('nothing');
});

test('ED-16 what a technician does with a refused record is done, logged with his name, and shown', async () => {
  const logged: string[] = [];
  const { ledger } = openLedger();
  const deps: DeadLetterDeps = {
    deadLetters: (change) => {
      const refused = change === null ? null : ledger.changeDeadLetter(change, at);
      return Promise.resolve({ letters: ledger.deadLetters(), refused });
    },
    log: pino({}, { write: (line: string) => logged.push(line) }),
  };
  ledger.commit({ session: null, records: [alarm(1), alarm(2)] }, at);
  acknowledge(
    ledger,
    2,
    [1, 2].map((seq) => ({ seq, code: 'wire.schema', detail: 'why' })),
  );
  const shown = await answerDeadLetters({ do: 'dead-letters' }, deps);
  expect(shown).toMatchObject({ ok: true, shown: { letters: [{ seq: 1 }, { seq: 2 }] } });
  expect(logged).toEqual([]);
  expect(await answerDeadLetters({ do: 'send-again', seq: 1, by }, deps)).toMatchObject({
    ok: true,
    shown: { letters: [{ seq: 2 }] },
  });
  expect(JSON.parse(logged[0] ?? '')).toMatchObject({ act: 'send-again', seq: 1, by: 'local:wang', refused: null });
  const none = { ok: false, error: 'there is no such record' };
  expect(await answerDeadLetters({ do: 'drop', seq: 9, by }, deps)).toEqual(none);
  const failing = { ...deps, deadLetters: () => Promise.reject(new Error('disk I/O error')) };
  expect(await answerDeadLetters({ do: 'dead-letters' }, failing)).toEqual({ ok: false, error: 'disk I/O error' });
});
