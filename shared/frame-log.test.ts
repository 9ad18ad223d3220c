import { expect, test } from 'vitest';
import { type FrameRecord, formatFrame, parseFrame, parseFrameLog } from './frame-log.ts';

const SENT: FrameRecord = {
  monoMs: 1041.25,
  wallMs: 1_700_000_000_000,
  lineId: 'rtu1',
  direction: 'sent',
  hex: '010301010001d436',
};
const RECEIVED: FrameRecord = { ...SENT, monoMs: 1052.5, direction: 'received', hex: '0103023a98ab4e' };

test('HS-01 a frame is one line of JSON and comes back as it was', () => {
  const text = formatFrame(SENT);
  expect(text).toBe(
    '{"monoMs":1041.25,"wallMs":1700000000000,"lineId":"rtu1","direction":"sent","hex":"010301010001d436"}\n',
  );
  expect(parseFrame(text)).toEqual({ ok: true, value: SENT });
});

test('HS-01 a log keeps the order of its frames; empty lines say nothing', () => {
  const text = `${formatFrame(SENT)}\n${formatFrame(RECEIVED)}`;
  expect(parseFrameLog(text)).toEqual({ ok: true, value: [SENT, RECEIVED] });
  expect(parseFrameLog('')).toEqual({ ok: true, value: [] });
});

test.each([
  [{ hex: '0A' }, /hex/],
  [{ hex: '012' }, /hex/],
  [{ hex: '' }, /hex/],
  [{ direction: 'heard' }, /direction/],
  [{ monoMs: -1 }, /monoMs/],
  [{ colour: 'red' }, /colour/],
])('HS-01 a frame with %j is refused', (change, reason) => {
  const parsed = parseFrame(JSON.stringify({ ...SENT, ...change }));
  expect(parsed.ok ? '' : parsed.reason).toMatch(reason);
});

test('HS-01 a broken log is refused by line', () => {
  expect(parseFrameLog(`${formatFrame(SENT)}{"monoMs":1\n`)).toEqual({
    ok: false,
    reason: { line: 2, reason: 'not JSON' },
  });
});
