import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { encode } from '#shared/wire/decode.ts';
import type { Batch } from '#shared/wire/messages.ts';
import { downTopic, parseUpTopic } from '#shared/wire/topics.ts';
import { readSite } from '../config/site.ts';
import { richSite } from '../config/testing-broken-sites.ts';
import { alarms, at, tempFolder } from '../ledger/testing.ts';
import type { BrokerListener } from '../link/broker-session.ts';
import type { OsLook } from '../time/clock-judge.ts';
import { type LedgerPort, runLedgerThread } from './ledger-thread.ts';
import { lookAtSystemClock, stamper, systemClock, systemTimers } from './system-time.ts';
import type { FromLedger, ToLedger } from './thread-messages.ts';
import { shareTurns } from './turn-counters.ts';

/** The ledger thread with a cloud that refuses the first record of every batch, until it is repaired. */
function run({ dataDir = tempFolder(), look = () => lookAtSystemClock() } = {}) {
  const heard: FromLedger[] = [];
  const batches: Batch[] = [];
  const cloud = { isRepaired: false };
  let ask: (message: ToLedger) => void = () => {};
  const port: LedgerPort = {
    postMessage: (message) => heard.push(message),
    on: (_, listener) => {
      ask = listener;
    },
    close: () => {},
  };
  const openBroker = (_: unknown, listener: BrokerListener) => {
    const say = (kind: 'welcome' | 'ack', message: object) =>
      setTimeout(() => listener.onMessage(downTopic(7, 'site-1', kind), Buffer.from(encode(message))));
    listener.will();
    setTimeout(() => listener.onUp());
    return {
      publish: (topic: string, payload: string | Uint8Array) => {
        const message = JSON.parse(Buffer.from(payload).toString());
        const { v, connectionEpoch, storeEpoch, stream } = message;
        const kind = parseUpTopic(topic)?.kind;
        if (kind === 'hello') say('welcome', { v, connectionEpoch, storeEpoch, serverWallMs: 0, cursors: [] });
        if (kind !== 'batch') return;
        batches.push(message);
        const seqs: number[] = message.records.map(({ seq }: { seq: number }) => seq);
        const refused = cloud.isRepaired ? [] : [{ seq: seqs[0], code: 'record.refused', detail: 'why' }];
        say('ack', { v, storeEpoch, stream, ackedSeq: seqs.at(-1), refused });
      },
      reconnect: () => {},
      close: () => Promise.resolve(),
    };
  };
  const { passwordFile: _passwordFile, ...place } = richSite.cloud;
  const text = JSON.stringify({ ...richSite, cloud: { ...place, shard: 7 }, siteId: 'site-1', dataDir });
  const { site } = readSite(text, 'site.json', 'site.json');
  const turns = { field: shareTurns([]), ledger: shareTurns([]) };
  runLedgerThread(
    port,
    { site, bootId: at.bootId, logLevel: 'silent', logGate: null as never, software: 'test', turns },
    {
      clock: systemClock,
      timers: systemTimers,
      look,
      newId: () => crypto.randomUUID(),
      fraction: () => 0,
      log: pino({ level: 'silent' }),
      controllerId: null,
      openBroker,
      systemd: null,
    },
  );
  onTestFinished(() => ask({ kind: 'close' }));
  const answer = async (commitId: number) => {
    await expect.poll(() => heard.some((one) => 'commitId' in one && one.commitId === commitId)).toBe(true);
    return heard.find((one) => 'commitId' in one && one.commitId === commitId);
  };
  return { ask: (message: ToLedger) => ask(message), answer, batches, cloud, heard };
}

test('ED-16 XC-05 a refused record is listed, sent again over the link when a technician wants that, and is gone', async () => {
  const { ask, answer, batches, cloud } = run();
  ask({ kind: 'commit', commitId: 1, transaction: alarms(1, 2), at });
  expect(await answer(1)).toMatchObject({ kind: 'committed' });
  const list = (commitId: number) => ask({ kind: 'dead-letters', commitId, change: null, at });
  let asked = 1;
  await expect
    .poll(async () => {
      asked += 1;
      list(asked);
      return await answer(asked);
    })
    .toMatchObject({ letters: [{ seq: 1, code: 'record.refused' }], refused: null });
  cloud.isRepaired = true;
  ask({ kind: 'dead-letters', commitId: 1000, change: { act: 'send-again', seq: 1 }, at });
  expect(await answer(1000)).toMatchObject({ letters: [], refused: null });
  const [first] = batches[0]?.records ?? [];
  await expect.poll(() => batches.at(-1)?.records).toEqual([{ ...first, seq: 3 }]);
  ask({ kind: 'dead-letters', commitId: 1001, change: { act: 'drop', seq: 1 }, at });
  expect(await answer(1001)).toMatchObject({ letters: [], refused: 'there is no such record' });
});

test('ED-12 a clock that was set while the process was down is doubtful to the next of the same boot, which keeps the time', async () => {
  const dataDir = tempFolder();
  const syncMark = systemClock.wallMs();
  const trueLook = (): OsLook => ({ wallMs: systemClock.wallMs(), monoMs: systemClock.monoMs(), syncMark });
  const first = run({ dataDir, look: trueLook });
  const clockOf = ({ heard }: typeof first) => heard.findLast((message) => message.kind === 'clock')?.clock;
  const trusted = clockOf(first);
  expect(trusted?.quality).toBe('trusted');
  const stamp = stamper(systemClock, () => trusted ?? { bootId: at.bootId, offsetMs: 0, quality: 'none' });
  first.ask({ kind: 'commit', commitId: 1, transaction: alarms(1), at: stamp() });
  expect(await first.answer(1)).toMatchObject({ kind: 'committed' });
  first.ask({ kind: 'close' });
  const setLook = () => ({ ...trueLook(), wallMs: systemClock.wallMs() + 600_000 });
  const second = clockOf(run({ dataDir, look: setLook }));
  expect(second?.quality).toBe('doubtful');
  expect(Math.abs((second?.offsetMs ?? 0) - (trusted?.offsetMs ?? 0))).toBeLessThan(50);
});
