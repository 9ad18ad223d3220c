import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Applicant, createApplicant, examplePdf, exampleRegistration } from '../../testing/applicant.ts';
import { staffPost } from '../../testing/fixtures.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../testing/test-cloud.ts';
import { forgetDrafts } from './applications.ts';
import { MOST_FILE_BYTES } from './files.ts';
import { MOST_HELD_MIB, tellOfLittleRoom } from './room.ts';
import { MOST_UPLOADS, MOST_UPLOADS_OF_ONE } from './uploads.ts';

const DAY_MS = 86_400_000;
const clock = createTestClock();
let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({
    clock,
    config: { trustedProxies: ['127.0.0.1'] },
    lookUp: () => Promise.resolve([{ address: '93.184.216.34', family: 4 }]),
  });
});
afterAll(() => cloud?.stop());

const from = (address: string) => ({ 'x-forwarded-for': address });
const applicantAt = (address: string) => createApplicant(cloud.app, exampleRegistration, from(address));
const pdf = (n: number | string) => Buffer.from(String(examplePdf).replace('Catalog', `Catalog/N ${n}`));
const largest = (n: number) => {
  const part = pdf(n);
  return Buffer.concat([part, Buffer.alloc(MOST_FILE_BYTES - 2 * part.length, 32), part]);
};
const upload = (applicant: Applicant, bytes: Buffer, headers = {}) =>
  applicant.upload(bytes, 'application/pdf', 'purpose=business-licence&name=x', headers);
const fileOf = (applicant: Applicant, fileId: string) =>
  cloud.app.inject({
    url: `/staff/v1/partner-applications/${applicant.applicationId}/files/${fileId}`,
    headers: { authorization: `Bearer ${cloud.staffToken}` },
  });
const exists = async ({ applicationId }: Applicant) =>
  (await cloud.context.db
    .selectFrom('partner_applications')
    .select('state')
    .where('application_id', '=', applicationId)
    .executeTakeFirst()) !== undefined;
async function reject({ applicationId }: Applicant) {
  const { revision } = await cloud.context.db
    .selectFrom('partner_applications')
    .select('revision')
    .where('application_id', '=', applicationId)
    .executeTakeFirstOrThrow();
  const evidence = [{ source: 'business-registry', reference: 'gsxt.gov.cn' }];
  const review = { decision: 'reject', revision, reason: 'no', reviewed_by: 'Li Na', evidence };
  await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partner-applications/${applicationId}/decide`, review);
}

test('OP-01 what one stranger can have stored in drafts has an end', async () => {
  const headers = from('203.0.113.44');
  let stored = 0;
  for (let n = 0; n < 25; n += 1) {
    const applicant = await createApplicant(cloud.app, exampleRegistration, headers).catch(() => null);
    if (applicant === null) break;
    for (let file = 0; file < 30; file += 1) {
      const { status, body } = await upload(applicant, pdf(`${n}${file}`), headers);
      if (status !== 201) break;
      stored += 1;
      if (body.files.length === 10)
        await applicant.call('DELETE', `/files/${body.files[0].file_id}`, undefined, headers);
    }
    clock.advance(150_000);
  }
  // 5 MiB each: 200 of them are a gigabyte, in an hour.
  expect(stored).toBeLessThan(200);
  expect(stored).toBeGreaterThan(60);
});

test('OP-01 the bytes that come from one address have a limit of their own, of IPv6 by its network', async () => {
  const [one, two] = [await applicantAt('2001:db8:1:1::1'), await applicantAt('2001:db8:1:1::2')];
  for (let n = 0; n < 12; n += 1) {
    clock.advance(1);
    expect((await upload(n < 6 ? one : two, largest(n))).status).toBe(201);
  }
  const refused = await upload(two, largest(12));
  expect(refused).toMatchObject({
    status: 429,
    body: { code: 'request.too_many' },
    headers: { 'retry-after': '1800' },
  });
  expect((await upload(two, pdf(12))).headers['retry-after']).toBe('360');
  expect((await upload(await applicantAt('2001:db8:1:2::1'), largest(12))).status).toBe(201);
  clock.advance(1_800_000);
  expect((await upload(two, largest(12))).status).toBe(201);
});

/** A file of which the first half is sent. */
async function beginUpload({ applicationId, token }: Applicant, address: string) {
  const url = `${cloud.httpUrl}/onboarding/v1/applications/${applicationId}/files?purpose=other&name=x`;
  const bytes = pdf(address + applicationId);
  const headers = { ...from(address), authorization: `Bearer ${token}`, 'content-type': 'application/pdf' };
  const sent = request(url, { method: 'POST', headers: { ...headers, 'content-length': bytes.length } });
  const one = { status: 0, end: () => sent.end(bytes.subarray(9)), abort: () => sent.destroy() };
  sent.once('response', (answer) => {
    one.status = answer.resume().statusCode ?? -1;
  });
  sent.once('error', () => undefined);
  await new Promise((resolve) => sent.write(bytes.subarray(0, 9), resolve));
  return one;
}

test('XC-08 XC-12 strangers who send files slowly hold only so much of the memory, and one of them a part of that', async () => {
  const answered = (all: readonly { status: number }[]) =>
    all.map(({ status }) => status).filter((status) => status !== 0);
  const stranger = await applicantAt('203.0.113.90');
  const own: Awaited<ReturnType<typeof beginUpload>>[] = [];
  for (let n = 0; n < MOST_UPLOADS_OF_ONE + 2; n += 1) own.push(await beginUpload(stranger, '203.0.113.90'));
  await expect.poll(() => answered(own)).toEqual([429, 429]);
  const others: typeof own = [];
  for (let n = MOST_UPLOADS_OF_ONE; n < MOST_UPLOADS + 2; n += 1) {
    const address = `203.0.114.${n}`;
    others.push(await beginUpload(await applicantAt(address), address));
  }
  await expect.poll(() => answered(others)).toEqual([503, 503]);
  for (const one of own) one.abort();
  const late = await applicantAt('203.0.115.1');
  await expect.poll(async () => (await upload(late, pdf('late'), from('203.0.115.1'))).status).toBe(201);
  for (const one of others) one.end();
  await expect.poll(() => answered(others).filter((status) => status === 201)).toHaveLength(others.length - 2);
});

test('OP-01 XC-01 one address puts only so much on the record for good, with however many applications', async () => {
  const { db } = cloud.context;
  const count = async () => {
    const rows = db.selectFrom('audit_log').select('position').where('action', '=', 'application.revise');
    return (await rows.execute()).length;
  };
  const before = await count();
  const many: Applicant[] = [];
  for (let n = 0; n < 4; n += 1) many.push(await applicantAt('203.0.113.80'));
  const one = exampleRegistration;
  for (const applicant of many)
    for (let n = 0; n < 50; n += 1) await applicant.call('PUT', '', { ...one, company_name: `Example ${n}` });
  expect((await count()) - before).toBeLessThanOrEqual(100);
  expect(await many[0]?.call('PUT', '', one)).toMatchObject({ status: 429, body: { code: 'request.too_many' } });
  expect((await many[0]?.call('GET'))?.status, 'to look is no change').toBe(200);
  expect((await (await applicantAt('203.0.113.81')).call('PUT', '', one)).status).toBe(200);
});

test('OP-01 OP-02 what was in a removed file is gone at once, unless a decision was made on it', async () => {
  const applicant = await applicantAt('203.0.113.50');
  const add = async (n: number): Promise<string> => (await upload(applicant, pdf(n))).body.files.at(-1).file_id;
  const removed = await add(1);
  await applicant.call('DELETE', `/files/${removed}`);
  clock.advance(1);
  const seen = await add(2);
  expect((await fileOf(applicant, removed)).json().code).toBe('request.not_found');
  await applicant.call('POST', '/submit');
  await reject(applicant);
  await applicant.call('DELETE', `/files/${seen}`);
  expect((await fileOf(applicant, seen)).rawPayload.equals(pdf(2))).toBe(true);
  clock.advance(1);
  const unseen = await add(3);
  await applicant.call('DELETE', `/files/${unseen}`);
  expect((await fileOf(applicant, unseen)).json().code).toBe('request.not_found');
});

test('OP-01 what was withdrawn before a decision is forgotten as a draft is, after one it is kept', async () => {
  const [undecided, decided] = [await applicantAt('203.0.113.60'), await applicantAt('203.0.113.61')];
  for (const one of [undecided, decided]) {
    await upload(one, pdf(1));
    await one.call('POST', '/submit');
  }
  await reject(decided);
  for (const one of [undecided, decided]) expect((await one.call('POST', '/withdraw')).status).toBe(200);
  await forgetDrafts(cloud.context.db, clock.wallMs() + 29 * DAY_MS);
  expect([await exists(undecided), await exists(decided)]).toEqual([true, true]);
  await forgetDrafts(cloud.context.db, clock.wallMs() + 31 * DAY_MS);
  expect([await exists(undecided), await exists(decided)]).toEqual([false, true]);
});

test('OP-01 all that nobody has decided on has a bound; near it staff are told and drafts go after a day', async () => {
  const [full, submitted] = [await applicantAt('203.0.113.70'), await applicantAt('203.0.113.71')];
  await upload(full, pdf(1));
  await upload(submitted, pdf(1));
  await submitted.call('POST', '/submit');
  const { db } = cloud.context;
  const alarms = () => db.selectFrom('alarms').selectAll().where('code', '=', 'application.little_room').execute();
  await tellOfLittleRoom(cloud.context);
  expect(await alarms()).toEqual([]);
  const file = await db
    .selectFrom('application_files')
    .selectAll()
    .where('application_id', '=', full.applicationId)
    .executeTakeFirstOrThrow();
  for (const file_id of ['one', 'two'])
    await db
      .insertInto('application_files')
      .values({ ...file, file_id, bytes: (MOST_HELD_MIB / 2 - 1) * 1024 * 1024 })
      .execute();
  for (let n = 0; n < 3; n += 1) await tellOfLittleRoom(cloud.context);
  expect(await alarms()).toMatchObject([
    { severity: 'warning', detail: expect.stringContaining(`${MOST_HELD_MIB} MiB`) },
  ]);
  const stranger = await applicantAt('203.0.113.72');
  const refused = await upload(stranger, pdf(1));
  expect(refused).toMatchObject({
    status: 503,
    body: { code: 'application.no_room' },
    headers: { 'retry-after': '3600' },
  });
  await full.call('PUT', '', exampleRegistration);
  clock.advance(DAY_MS + 1);
  const young = await applicantAt('203.0.113.73');
  await forgetDrafts(cloud.context.db, clock.wallMs());
  expect([await exists(full), await exists(submitted), await exists(young)]).toEqual([false, true, true]);
  expect((await upload(young, pdf(1))).status).toBe(201);
});
