import { describe, expect, test } from 'vitest';
import type { ClockQuality, Stamp } from '#shared/stamp.ts';
import { rate } from '#shared/tariff/rate.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { systemRandom } from '../random.ts';
import { type ChargingSite, openChargingSite } from '../testing/charging-site.ts';
import { exampleTariff, staffPost } from '../testing/fixtures.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { started } from '../testing/records.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { clockComplaint } from './clock-review.ts';

const HOUR_MS = 3_600_000;
const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
let runs = 0;

onChargingSites('ck', clock, (onCloud, onSite, run) => {
  cloud = onCloud;
  site = onSite;
  runs = run;
});

const BOOT = '00000000-0000-4000-8000-000000000077';
/** A stamp of a boot whose clock told `errorMs` too much. */
const stampOf = (trueMs: number, errorMs: number, quality: ClockQuality, bootId = BOOT): Stamp => ({
  wallMs: trueMs + errorMs,
  monoMs: trueMs - BEGAN_MS,
  bootId,
  clock: quality,
});
const BEGAN_MS = clock.wallMs() - HOUR_MS;

const corrected = (errorMs: number, quality: 'doubtful' | 'trusted' = 'trusted'): RecordOf<'clock.corrected'> => ({
  kind: 'clock.corrected',
  bootId: BOOT,
  offsetMs: BEGAN_MS + errorMs,
  correctionMs: 1,
  quality,
});
const iso = (ms: number) => new Date(ms).toISOString();

/** An hour's charge told with a clock that nobody had confirmed, as its site sends it. */
async function charge(errorMs: number, quality: ClockQuality, change: Partial<Cdr> = {}, at = site) {
  const { body } = await at.start();
  const command = await at.takeStart();
  const startMs = clock.wallMs();
  const session = { ...started(at.edge, command), startedAt: stampOf(startMs, errorMs, quality) };
  await at.edge.record(session);
  const readings: Cdr['readings'] = [
    { atMs: startMs + errorMs, registerWh: 1_000, quality: 'measured' },
    { atMs: startMs + errorMs + HOUR_MS, registerWh: 8_000, quality: 'measured' },
  ];
  const ended = at.ended(session.sessionId, body.order_id, {
    startedAt: stampOf(startMs, errorMs, quality),
    endedAt: stampOf(startMs + HOUR_MS, errorMs, quality),
    readings,
    rating: rate(exampleTariff, readings),
    ...change,
  });
  return { orderId: body.order_id as string, startMs, ended };
}

async function exceptionsOf(orderId: string): Promise<{ code: string; detail: string }[]> {
  const headers = { authorization: `Bearer ${cloud.staffToken}` };
  const response = await cloud.app.inject({ url: '/staff/v1/exceptions', headers });
  return response.json().exceptions.filter((one: { order_id: string }) => one.order_id === orderId);
}

describe('ED-12 a site corrects its clock', () => {
  test('the order shows the true times; the record and its bill stay as they are', async () => {
    const { orderId, startMs, ended } = await charge(-300_000, 'doubtful');
    await site.edge.record(ended);
    const before = await site.order(orderId);
    expect(before.started_at).toBe(iso(startMs - 300_000));
    await site.edge.record(corrected(0));
    const after = await site.order(orderId);
    expect([after.started_at, after.ended_at]).toEqual([iso(startMs), iso(startMs + HOUR_MS)]);
    expect(after.cdr).toEqual(before.cdr);
    expect(after.cdr.started_at).toBe(iso(startMs - 300_000));
    expect(after).toMatchObject({ state: 'completed', energy_wh: 7_000, amount_due: before.amount_due });
    expect(after.updated_at > before.updated_at).toBe(true);
    expect(await exceptionsOf(orderId)).toEqual([]);
  });

  test.each([
    ['was in force when it truly began', -300_000, []],
    ['was not, in force was another', 2 * HOUR_MS, [expect.stringContaining('in force was later version 1')]],
  ])('a charge begun on site by a tariff that %s', async (_, errorMs, details) => {
    // The clock of the site is ahead of a change of the tariff: it took the next one too early, or did not.
    const startMs = clock.wallMs();
    const document = {
      version: 1,
      currency: 'CNY',
      bounds: { leastPriceE4: 1, mostPriceE4: 50_000 },
      tariffs: [
        {
          from: iso(startMs - HOUR_MS),
          until: iso(startMs + HOUR_MS),
          tariff: { ...exampleTariff, tariffId: 'later' },
        },
        { from: iso(startMs + HOUR_MS), until: null, tariff: exampleTariff },
      ],
    };
    const scheduled =
      errorMs > 0 ? document : { ...document, tariffs: [{ ...document.tariffs[1], from: iso(startMs - HOUR_MS) }] };
    await staffPost(cloud.app, cloud.staffToken, `/staff/v1/sites/${site.stage.siteId}/documents`, {
      document_kind: 'tariffs',
      text: JSON.stringify(scheduled),
      requested_by: 'Li Na',
    });
    const sessionId = systemRandom.uuid();
    const flat = {
      ...site.ended(sessionId, null).cdr,
      startedAt: stampOf(startMs, errorMs, 'doubtful'),
      endedAt: stampOf(startMs + 60_000, errorMs, 'doubtful'),
    };
    const readings: Cdr['readings'] = [
      { atMs: startMs + errorMs, registerWh: 1000, quality: 'measured' },
      { atMs: startMs + errorMs + 60_000, registerWh: 8000, quality: 'measured' },
    ];
    const cdr = {
      ...flat,
      readings,
      rating: rate(exampleTariff, readings),
      startedBy: { kind: 'card' as const, reference: 'K1' },
    };
    await site.edge.record({ kind: 'session.ended', cdr });
    await site.edge.record(corrected(0));
    const row = cloud.context.db.selectFrom('orders').select('order_id').where('session_id', '=', sessionId);
    const { order_id: orderId } = await row.executeTakeFirstOrThrow();
    expect((await exceptionsOf(orderId)).map(({ detail }) => detail)).toEqual(details);
  });

  test('a charge that still runs shows its true beginning', async () => {
    const { orderId, startMs } = await charge(-5 * HOUR_MS, 'none');
    await site.edge.record(corrected(-HOUR_MS, 'doubtful'));
    expect((await site.order(orderId)).started_at).toBe(iso(startMs - HOUR_MS));
    await site.edge.record(corrected(0));
    expect((await site.order(orderId)).started_at).toBe(iso(startMs));
    await site.edge.record(corrected(HOUR_MS));
    expect((await site.order(orderId)).started_at).toBe(iso(startMs));
  });

  test('a record that comes after the correction is read with it', async () => {
    const { orderId, startMs, ended } = await charge(-300_000, 'doubtful');
    await site.edge.record(corrected(0));
    await site.edge.record(ended);
    const order = await site.order(orderId);
    expect([order.started_at, order.ended_at]).toEqual([iso(startMs), iso(startMs + HOUR_MS)]);
  });

  test('times that were trusted, and those of another boot or site, are left alone', async () => {
    const { orderId, startMs, ended } = await charge(0, 'trusted');
    await site.edge.record(ended);
    await site.edge.record(corrected(HOUR_MS));
    expect((await site.order(orderId)).started_at).toBe(iso(startMs));
    const other = await openChargingSite(cloud, `ck${runs}-other`);
    const doubtful = await charge(-300_000, 'doubtful', {}, other);
    await site.edge.record(corrected(0));
    expect((await other.order(doubtful.orderId)).started_at).toBe(iso(startMs - 300_000));
    await other.edge.close();
  });

  test('a bill whose hours were in another price band is put before a person, and not changed', async () => {
    const { orderId, ended } = await charge(-12 * HOUR_MS, 'none');
    await site.edge.record(ended);
    const before = await site.order(orderId);
    await site.edge.record(corrected(0));
    const after = await site.order(orderId);
    expect(after.amount_due).toEqual(before.amount_due);
    expect(await exceptionsOf(orderId)).toEqual([
      expect.objectContaining({
        code: 'cdr.clock_corrected',
        detail: expect.stringMatching(/^billed \d+, at the corrected times \d+ minor units of CNY$/),
      }),
    ]);
  });

  test('a bill that comes after the correction of its hours is put before a person as well', async () => {
    const { orderId, startMs, ended } = await charge(-12 * HOUR_MS, 'none');
    await site.edge.record(corrected(-HOUR_MS, 'doubtful'));
    await site.edge.record(corrected(0));
    await site.edge.record(ended);
    const order = await site.order(orderId);
    expect([order.state, order.started_at]).toEqual(['completed', iso(startMs)]);
    expect(await exceptionsOf(orderId)).toEqual([
      expect.objectContaining({
        code: 'cdr.clock_corrected',
        detail: expect.stringMatching(/^billed \d+, at the corrected times \d+ minor units of CNY$/),
      }),
    ]);
  });

  test.each([
    ['its site has repaired it', 0, 'trusted', {}],
    ['it is less than what is worth telling', -900, 'none', {}],
    ['nothing is billed', -12 * HOUR_MS, 'none', { voidReason: 'not-confirmed' }],
  ] as const)(
    'a record that comes after the correction is nobody’s concern where %s',
    async (_, errorMs, quality, change) => {
      const { orderId, ended } = await charge(errorMs, quality, change);
      await site.edge.record(corrected(0));
      await site.edge.record(ended);
      expect(await exceptionsOf(orderId)).toEqual([]);
    },
  );

  test('a charge over a reboot that comes after the correction of a part of it is looked at by a person', async () => {
    const first = stampOf(clock.wallMs(), 0, 'trusted', systemRandom.uuid());
    const { orderId, ended } = await charge(-HOUR_MS, 'none', { startedAt: first });
    await site.edge.record(corrected(0));
    await site.edge.record(ended);
    expect((await exceptionsOf(orderId)).map(({ detail }) => detail)).toEqual([
      'the charge ran over a reboot, and the time of a part of it was wrong',
    ]);
  });

  test('a void record is corrected in silence', async () => {
    const { orderId, startMs, ended } = await charge(-12 * HOUR_MS, 'none', { voidReason: 'not-confirmed' });
    await site.edge.record(ended);
    const before = await site.order(orderId);
    await site.edge.record(corrected(0));
    const after = await site.order(orderId);
    expect([after.started_at, after.state]).toEqual([iso(startMs), before.state]);
    expect(await exceptionsOf(orderId)).toEqual([]);
  });

  test('a start that failed keeps the end that the platform gave it, whatever its void record tells', async () => {
    const { body } = await site.start();
    await site.takeStart();
    const startMs = clock.wallMs();
    const stamps = {
      startedAt: stampOf(startMs, -HOUR_MS, 'none'),
      endedAt: stampOf(startMs + HOUR_MS, -HOUR_MS, 'none'),
    };
    await site.edge.record(
      site.ended(systemRandom.uuid(), body.order_id, {
        ...stamps,
        voidReason: 'not-confirmed',
        stopReason: 'not-confirmed',
      }),
    );
    const before = await site.order(body.order_id);
    expect(before).toMatchObject({ state: 'start_failed', started_at: iso(startMs - HOUR_MS) });
    await site.edge.record(corrected(0));
    expect(await site.order(body.order_id)).toMatchObject({
      started_at: iso(startMs),
      ended_at: before.ended_at,
    });
  });
});

test('ED-12 a charge over a reboot, with a price for each part of the day, is looked at by a person', () => {
  const startMs = clock.wallMs();
  const readings: Cdr['readings'] = [
    { atMs: startMs, registerWh: 1_000, quality: 'measured' },
    { atMs: startMs + HOUR_MS, registerWh: 8_000, quality: 'measured' },
  ];
  const cdr = {
    tariff: exampleTariff,
    rating: rate(exampleTariff, readings),
    voidReason: null,
    startedAt: stampOf(startMs, 0, 'trusted', systemRandom.uuid()),
    endedAt: stampOf(startMs + HOUR_MS, 0, 'none'),
    readings,
  } as unknown as Cdr;
  const known = { bootId: BOOT, offsetMs: BEGAN_MS, quality: 'trusted' } as const;
  expect(clockComplaint(cdr, known)).toBe('the charge ran over a reboot, and the time of a part of it was wrong');
  const flat = { ...exampleTariff, bands: exampleTariff.bands.slice(0, 1) };
  expect(clockComplaint({ ...cdr, tariff: flat }, known)).toBe(null);
});
