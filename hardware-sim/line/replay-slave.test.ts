import { expect, test } from 'vitest';
import type { FrameRecord } from '#shared/frame-log.ts';
import { createReplaySlave } from './replay-slave.ts';
import { encodeRtu } from './rtu.ts';
import { mbapRead, openBench, READ } from './testing.ts';
import { NO_EFFECTS } from './wire-damage.ts';

const quiet = { nextInMs: () => undefined, strike: () => undefined, watch: () => () => {} };
const replyOf = (value: number): string =>
  Buffer.from(encodeRtu(1, Uint8Array.of(3, 2, value >> 8, value & 0xff))).toString('hex');

function record(monoMs: number, direction: FrameRecord['direction'], hex: string, lineId = 'field'): FrameRecord {
  return { monoMs, wallMs: 1_700_000_000_000 + monoMs, lineId, direction, hex };
}

const RECORDING = [
  record(1000, 'sent', READ),
  record(1040, 'sent', 'aa55', 'another'),
  record(1060, 'received', replyOf(1)),
  record(2000, 'sent', READ),
  record(3000, 'sent', READ),
  record(3200, 'received', replyOf(3)),
  record(3210, 'received', replyOf(4)),
];

function openReplay(settings: Record<string, unknown>, records = RECORDING) {
  return openBench(settings, {
    slave: createReplaySlave(records, { drawEffects: () => NO_EFFECTS, idleNoise: quiet }),
  });
}

test.each(['serial', 'rtu-over-tcp'])(
  'HS-01 a %s line replays a recording in order, around, with its delays',
  async (transport) => {
    const { time, write, heard } = await openReplay({ transport });
    const elapsed = (): (string | number)[] => {
      heard.splice(0);
      const startMs = time.clock.monoMs();
      write(READ);
      time.passMs(5000);
      return heard.flatMap(({ atMs, hex }) => [Math.round((atMs - startMs) * 1000) / 1000, hex]);
    };
    expect([elapsed(), elapsed(), elapsed(), elapsed()]).toEqual([
      [60, replyOf(1)],
      [],
      [200, replyOf(3)],
      [60, replyOf(1)],
    ]);
  },
);

test('HS-01 a network line replays the same recording under its own transactions', async () => {
  const { time, write, heard } = await openReplay({ transport: 'tcp' });
  write(mbapRead(0x1234, 0x0101));
  time.passMs(500);
  expect(heard).toEqual([{ atMs: 60, hex: '123400000005010302 0001'.replace(' ', '') }]);
});

test('HS-01 a request that is not in the recording stays unanswered', async () => {
  const { time, write, heard, slave } = await openReplay({});
  write(Buffer.from(encodeRtu(1, Uint8Array.of(3, 9, 9, 0, 1))).toString('hex'));
  time.passMs(500);
  expect(heard).toEqual([]);
  expect(slave.counters).toMatchObject({ requests: 1, unknownUnit: 1, replies: 0 });
});

test('HS-01 a recorded reply that was no Modbus frame is replayed as it was', async () => {
  const { time, write, heard } = await openReplay({}, [record(0, 'sent', '681100'), record(90, 'received', 'fe68')]);
  write('681100');
  time.passMs(500);
  expect(heard.map(({ hex }) => hex)).toEqual(['fe68']);
});
