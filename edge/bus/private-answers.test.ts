import { expect, test } from 'vitest';
import type { ModbusJob, ModbusPort } from './modbus-master.ts';
import { mbapLine, rtuLine } from './open-line.ts';
import { bytesOf, frame, hexOf, ManualTime, MemoryStream, outcomeOf } from './testing.ts';

const timing = { gapMs: 0, responseTimeoutMs: 100, slowestReplyMs: 400 };
const CARD = 'd4cd7650';
const RTU_ANSWER = frame(`01 03 04 ${CARD}`);
const question = { unit: 1, priority: 'poll', request: { fc: 3, address: 1500, count: 2 }, timing } as const;

function rig(isTcp: boolean) {
  const time = new ManualTime();
  const stream = new MemoryStream(time);
  const received: string[] = [];
  const common = {
    lineId: 'L1',
    stream,
    clock: time,
    timers: time,
    fineTimers: time,
    tap: (direction: string, bytes: Uint8Array) => {
      if (direction === 'received') received.push(hexOf(bytes));
    },
  };
  const onSerial = { silenceMs: 4, wireMs: () => 0, hasTransactionIds: false, reconnectAfterFailures: null };
  const { modbus } = isTcp ? mbapLine(common) : rtuLine({ ...common, ...onSerial });
  const ask = (port: ModbusPort, job: Partial<ModbusJob>) => outcomeOf(port.request({ ...question, ...job }));
  return { time, stream, received, ask: (job: Partial<ModbusJob> = {}) => ask(modbus, job) };
}

test.each([false, true])(
  'XC-10 what answers a private question is told, and not recorded (Modbus TCP: %s)',
  async (isTcp) => {
    const { time, stream, received, ask } = rig(isTcp);
    const answer = isTcp ? bytesOf(`0001 0000 0007 01 03 04 ${CARD}`) : RTU_ANSWER;
    const asked = ask({ isPrivate: true });
    await time.pass(0);
    stream.receive(answer.slice(0, 5));
    stream.receive(answer.slice(5));
    expect(await asked).toBe(`${0xd4cd} ${0x7650}`);
    expect(received.join('')).toBe('00'.repeat(answer.length));
  },
);

test('XC-10 nor is an answer that comes too late, however the line goes on', async () => {
  const { time, stream, received, ask } = rig(true);
  const late = ask({ isPrivate: true });
  await time.pass(150);
  expect(await late).toBe('timeout');
  const next = ask();
  await time.pass(0);
  stream.receive(bytesOf(`0001 0000 0007 01 03 04 ${CARD}`));
  expect(received.join('')).not.toContain(CARD);
  await time.pass(150);
  expect(await next).toBe('timeout');
});

test('XC-10 what answers any other question is recorded as it is', async () => {
  const { time, stream, received, ask } = rig(false);
  void ask();
  await time.pass(0);
  stream.receive(RTU_ANSWER);
  expect(received).toEqual([hexOf(RTU_ANSWER)]);
});
