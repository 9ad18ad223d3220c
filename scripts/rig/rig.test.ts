import { once } from 'node:events';
import { createServer, connect as dial } from 'node:net';
import { expect, test } from 'vitest';
import { sandboxFaultKinds } from '#shared/sandbox-faults.ts';
import { createRig } from './rig.ts';
import { openUplink } from './uplink.ts';

/** A bench whose every deed is written down. */
function benchOf(refusal: Error | null = null) {
  const deeds: string[] = [];
  const timers: { readonly atMs: number; readonly run: () => void }[] = [];
  const tell = (deed: string) => {
    deeds.push(deed);
    return Promise.resolve(deed);
  };
  const piles = {
    plug: (pileId: string) => tell(`plug ${pileId}`),
    unplug: (pileId: string) => tell(`unplug ${pileId}`),
    inject: (pileId: string, fault: object) =>
      refusal === null
        ? tell(`inject ${pileId} ${'kind' in fault ? String(fault.kind) : ''}`)
        : Promise.reject(refusal),
    clear: (faultId: string) => tell(`clear ${faultId}`),
  };
  const uplink = { set: (state: string) => void deeds.push(`uplink ${state}`) };
  const reset = (connectorId: string) => void deeds.push(`reset ${connectorId}`);
  const errors: unknown[] = [];
  const after = (atMs: number, run: () => void) => {
    const timer = { atMs, run };
    timers.push(timer);
    return () => void timers.splice(timers.indexOf(timer), 1);
  };
  return { rig: createRig({ piles, uplink, reset }, after, (error) => errors.push(error)), deeds, timers, errors };
}
const at = (kind: (typeof sandboxFaultKinds)[number]) =>
  ({ kind, pile_id: 'P', connector_id: 'C', duration_s: 20 }) as const;
const settled = () => new Promise((resolve) => setImmediate(resolve));

test.each(sandboxFaultKinds)('OP-23 %s begins, and is gone without a trace when its time is over', async (kind) => {
  const { rig, deeds, timers } = benchOf();
  await rig.begin('f1', at(kind));
  await rig.begin('f1', at(kind));
  expect(deeds).toHaveLength(1);
  expect(timers.map(({ atMs }) => atMs)).toEqual([20_000]);
  timers[0]?.run();
  await settled();
  const [begun = '', ...ended] = deeds;
  if (kind === 'vehicle-plugged') expect([begun, ended]).toEqual(['plug P', ['unplug P']]);
  else if (kind === 'gun-removed') expect([begun, ended]).toEqual(['unplug P', []]);
  else if (kind.startsWith('site-')) expect(ended).toEqual(['uplink good']);
  else expect(ended).toEqual([`clear ${begun}`, 'reset C']);
  await rig.end('f1');
  expect(deeds).toHaveLength(1 + ended.length);
});

test('OP-23 what was ended before its time does not end once more, and what cannot begin leaves nothing', async () => {
  const { rig, deeds, timers } = benchOf();
  await rig.begin('f1', at('meter-stuck'));
  await rig.end('f1');
  expect(timers).toEqual([]);
  expect(deeds.filter((deed) => deed.startsWith('clear'))).toHaveLength(1);
  const refusing = benchOf(new Error('no such fault'));
  await expect(refusing.rig.begin('f2', at('ground-fault'))).rejects.toThrow('no such fault');
  expect(refusing.timers).toEqual([]);
});

test('OP-23 an uplink carries both ways, breaks when it is cut, and swallows when it is silent', async () => {
  const server = createServer((socket) => socket.on('data', (data) => socket.write(`echo ${data.toString()}`)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const uplink = await openUplink();
  uplink.lead({ host: '127.0.0.1', port: address.port });
  const client = () => {
    const socket = dial({ host: '127.0.0.1', port: uplink.port });
    socket.on('error', () => {});
    return socket;
  };
  const first = client();
  first.write('a');
  expect(String((await once(first, 'data'))[0])).toBe('echo a');
  uplink.set('silent');
  const heard: string[] = [];
  first.on('data', (data) => heard.push(data.toString()));
  first.write('b');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([heard, first.destroyed]).toEqual([[], false]);
  const broken = once(first, 'close');
  uplink.set('good');
  await broken;
  const second = client();
  second.write('c');
  expect(String((await once(second, 'data'))[0])).toBe('echo c');
  const cut = once(second, 'close');
  uplink.set('cut');
  await cut;
  const third = client();
  await once(third, 'close');
  await uplink.close();
  server.close();
});
