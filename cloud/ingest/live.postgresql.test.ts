import { expect, test } from 'vitest';
import { systemRandom } from '../random.ts';
import { connectFakeEdge } from '../testing/fake-edge.ts';
import { setTheStage } from '../testing/fixtures.ts';
import { machineClock } from '../testing/test-clock.ts';
import { startTestCloud } from '../testing/test-cloud.ts';

test('SY-02 a live view does not wait behind the records that the site sends at the same time', async () => {
  const cloud = await startTestCloud();
  const { db } = cloud.context;
  const stage = await setTheStage(cloud, { name: 'live' });
  const edge = await connectFakeEdge(cloud.brokerUrl, stage, machineClock);
  const connectorId = stage.connectorIds[0] ?? '';
  const alarm = () => ({
    kind: 'alarm.raised',
    alarmId: systemRandom.uuid(),
    code: 'over-temperature',
    severity: 'warning',
    pileId: 'p',
    connectorId,
    sessionId: null,
    detail: 'x',
  });
  await edge.hello();
  await edge.record(alarm());
  // Somebody holds the row of the stream: the next batch waits in the middle of its work.
  const held = await db.startTransaction().execute();
  await held.selectFrom('cursors').selectAll().forUpdate().execute();
  const acked = edge.record(alarm());
  for (const status of ['plugged', 'charging'] as const) {
    await edge.state(connectorId, { status });
    const shown = () => stage.partner.call('GET', `/v1/connectors/${connectorId}`);
    await expect.poll(async () => (await shown()).body.status).toBe(status);
  }
  expect(edge.heard('ack')).toBe(1);
  await held.rollback().execute();
  expect(await acked).toMatchObject({ ackedSeq: 2 });
  await edge.close();
  await cloud.stop();
});
