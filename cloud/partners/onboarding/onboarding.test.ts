import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Applicant,
  createApplicant,
  examplePdf,
  examplePng,
  exampleRegistration,
  register,
} from '../../testing/applicant.ts';
import { staffPost } from '../../testing/fixtures.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../testing/test-cloud.ts';
import { FAILURE_POLICY } from '../bans.ts';
import { REGISTRATION_POLICY } from './applicant-gate.ts';
import { forgetDrafts } from './applications.ts';
import { creditCodeCheck } from './credit-code.ts';
import { MOST_FILE_BYTES } from './files.ts';

const clock = createTestClock();
let cloud: TestCloud;
let count = 0;

beforeAll(async () => {
  const lookUp = (name: string) =>
    Promise.resolve(
      name === 'evil.example' ? [{ address: '10.0.0.1', family: 4 }] : [{ address: '8.8.8.8', family: 4 }],
    );
  cloud = await startTestCloud({ clock, lookUp, config: { trustedProxies: ['127.0.0.1'] } });
});
afterAll(() => cloud?.stop());

/** Every applicant has an address and a credit code of its own. */
const nextAddress = () => ({ 'x-forwarded-for': `203.0.${Math.floor(++count / 250)}.${1 + (count % 250)}` });
function nextCode(): string {
  const body = `91350100${String(++count).padStart(9, '0')}`;
  return body + creditCodeCheck(body);
}
const newApplicant = (change: object = {}) =>
  createApplicant(cloud.app, { ...exampleRegistration, credit_code: nextCode(), ...change }, nextAddress());
async function submitted(change: object = {}): Promise<Applicant> {
  const applicant = await newApplicant(change);
  await applicant.upload(examplePdf, 'application/pdf');
  expect((await applicant.call('POST', '/submit')).status).toBe(200);
  return applicant;
}
async function staff(method: 'GET' | 'POST', path: string, body?: object) {
  const response = await cloud.app.inject({
    method,
    url: `/staff/v1${path}`,
    headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return { status: response.statusCode, body: response.json(), headers: response.headers };
}
const evidence = [{ source: 'business-registry', reference: 'gsxt.gov.cn, 2026-11-20' }];
const review = (change: object) => ({ reason: 'as registered', reviewed_by: 'Li Na', evidence, ...change });
const decide = async ({ applicationId }: Applicant, change: object) => {
  const { revision } = (await staff('GET', `/partner-applications/${applicationId}`)).body;
  return staff('POST', `/partner-applications/${applicationId}/decide`, review({ revision, ...change }));
};
const auditOf = async ({ applicationId }: Applicant) =>
  (
    await cloud.context.db
      .selectFrom('audit_log')
      .selectAll()
      .where('subject_id', '=', applicationId)
      .orderBy('position')
      .execute()
  ).map(({ action, actor_kind }) => `${actor_kind} ${action}`);

test('OP-01 OP-02 OP-03 from registration over a rejection to a key, every step on record', async () => {
  const applicant = await submitted();
  const credit_code = (await applicant.call('GET')).body.registration.credit_code;
  expect((await decide(applicant, { decision: 'reject', reason: '营业执照已过期' })).status).toBe(200);
  const rejected = (await applicant.call('GET')).body;
  expect(rejected).toMatchObject({ state: 'rejected', decisions: [{ decision: 'reject', reason: '营业执照已过期' }] });
  expect(JSON.stringify(rejected)).not.toContain('gsxt');
  await applicant.call('DELETE', `/files/${rejected.files[0].file_id}`);
  expect((await applicant.call('POST', '/submit')).body.code).toBe('application.incomplete');
  await applicant.upload(examplePng, 'image/png', 'purpose=business-licence&name=new.png');
  const corrected = { ...exampleRegistration, credit_code, company_name: '另一家公司' };
  expect((await applicant.call('PUT', '', corrected)).body.registration.company_name).toBe('另一家公司');
  await applicant.call('POST', '/submit');
  const approved = await decide(applicant, { decision: 'approve', partner_id: 'first' });
  expect(approved.body).toMatchObject({ state: 'approved', partner_id: 'first' });
  expect(approved.body.decisions).toMatchObject([
    { decision: 'reject', decided_by: 'Li Na', files: [{ file_id: rejected.files[0].file_id }] },
    { decision: 'approve', evidence, files: [{ sha256: createHash('sha256').update(examplePng).digest('hex') }] },
  ]);
  expect((await applicant.call('GET')).body).toMatchObject({ state: 'approved', partner_id: 'first' });
  const partner = (await staff('GET', '/partners/first')).body;
  expect(partner).toMatchObject({ credit_code, approved_by: 'Li Na', allowed_cidrs: exampleRegistration.source_cidrs });
  expect((await staff('POST', '/partners/first/keys', { environment: 'live', scopes: ['read'] })).status).toBe(201);
  expect(await auditOf(applicant)).toEqual([
    'partner application.register',
    'partner application.add_file',
    'partner application.submit',
    'staff application.decide',
    'partner application.remove_file',
    'partner application.add_file',
    'partner application.revise',
    'partner application.submit',
    'staff application.decide',
  ]);
});

test('OP-03 before the approval there is no partner, and nothing to issue a key for', async () => {
  const applicant = await submitted();
  for (const partnerId of [applicant.applicationId, 'wanted'])
    expect((await staff('POST', `/partners/${partnerId}/keys`, { environment: 'live', scopes: ['read'] })).status).toBe(
      404,
    );
  await decide(applicant, { decision: 'reject', reason: 'no' });
  expect((await staff('GET', '/partners/wanted')).body.code).toBe('partner.unknown');
});

test('OP-01 a bad registration is told every bad field with a JSON pointer, where its callback leads to included', async () => {
  const bad = {
    ...exampleRegistration,
    credit_code: '91350100M000100Y44',
    contacts: [{ role: 'business', name: '王小明', email: 'x' }],
    callback_url: 'https://evil.example/hook',
    unknown: 1,
  };
  const { status, body } = await register(cloud.app, bad, nextAddress());
  expect(status).toBe(400);
  expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
    '#/callback_url',
    '#/contacts/0/email',
    '#/contacts/0/mobile',
    '#/credit_code',
    '#/unknown',
  ]);
  for (const { detail, detail_zh } of body.errors)
    expect([detail, detail_zh]).toEqual([expect.any(String), expect.stringMatching(/\p{Script=Han}/u)]);
  expect((await register(cloud.app, [], nextAddress())).body.errors[0].pointer).toBe('#');
  expect(
    (await register(cloud.app, { ...exampleRegistration, callback_url: 'https://10.0.0.1/' }, nextAddress())).status,
  ).toBe(400);
});

test('OP-01 an address may try to register only so often', async () => {
  const address = nextAddress();
  for (let n = 0; n < REGISTRATION_POLICY.burst; n += 1)
    expect((await register(cloud.app, {}, address)).status).toBe(400);
  const refused = await register(cloud.app, exampleRegistration, address);
  expect(refused).toMatchObject({ status: 429, body: { code: 'request.too_many' }, headers: { 'retry-after': '120' } });
  expect((await register(cloud.app, {}, nextAddress())).status).toBe(400);
  clock.advance(120_000);
  expect((await register(cloud.app, {}, address)).status).toBe(400);
});

const smuggled: readonly [string, Buffer, string][] = [
  ['a page that calls itself a PDF', Buffer.from('<html>%%EOF</html>'), 'application/pdf'],
  ['a bomb of zeros', gzipSync(Buffer.alloc(10_000_000)), 'application/pdf'],
  ['an archive', Buffer.from('504b030414000000', 'hex'), 'image/png'],
  ['a PDF that is declared as a picture', examplePdf, 'image/png'],
  ['nothing', Buffer.alloc(0), 'application/pdf'],
];
test.each(smuggled)('OP-01 %s is refused', async (_name, bytes, mediaType) => {
  const applicant = await newApplicant();
  const { status, body } = await applicant.upload(bytes, mediaType);
  expect([status, body.code]).toEqual([422, 'application.file_refused']);
  expect((await applicant.call('GET')).body.files).toEqual([]);
});

test('OP-01 other kinds are not read at all, and what is too large is refused', async () => {
  const applicant = await newApplicant();
  for (const mediaType of ['application/zip', 'text/html', 'image/svg+xml', 'multipart/form-data; boundary=x'])
    expect((await applicant.upload(examplePdf, mediaType)).status, mediaType).toBe(415);
  const whole = Buffer.concat([examplePdf, Buffer.alloc(MOST_FILE_BYTES - 2 * examplePdf.length, 32), examplePdf]);
  expect((await applicant.upload(whole, 'application/pdf')).status).toBe(201);
  const tooLarge = await applicant.upload(Buffer.concat([whole, Buffer.from(' ')]), 'application/pdf');
  expect(tooLarge).toMatchObject({ status: 413, body: { code: 'request.too_large', detail: 'more than 5120 KiB' } });
  const packed = await applicant.upload(gzipSync(examplePdf), 'application/pdf', undefined, {
    'content-encoding': 'gzip',
  });
  expect(packed.status).toBe(422);
});

test('OP-01 the same file once, ten at a time, and thirty ever', async () => {
  const applicant = await newApplicant();
  const file = (n: number) => Buffer.concat([examplePdf, Buffer.from(`${n}%%EOF`)]);
  const ids: string[] = [];
  for (let n = 0; n < 30; n += 1) {
    clock.advance(10_000);
    if (n === 1) expect((await applicant.upload(file(0), 'application/pdf')).body.detail).toBe('it is there already');
    if (n >= 10) await applicant.call('DELETE', `/files/${ids.shift()}`);
    const { status, body } = await applicant.upload(file(n), 'application/pdf');
    expect(status, JSON.stringify(body)).toBe(201);
    ids.push(body.files.at(-1).file_id);
  }
  expect((await applicant.upload(file(30), 'application/pdf')).body.detail).toBe('at most 10 files');
  await applicant.call('DELETE', `/files/${ids[0]}`);
  expect((await applicant.upload(file(30), 'application/pdf')).body.detail).toContain('at most 30');
});

test('OP-01 a file is given to staff to be stored, under a name of ours', async () => {
  const applicant = await newApplicant();
  const name = encodeURIComponent('../../etc/x".html');
  const { body } = await applicant.upload(examplePdf, 'application/pdf', `purpose=business-licence&name=${name}`);
  const [{ file_id: id }] = body.files;
  const answer = await cloud.app.inject({
    url: `/staff/v1/partner-applications/${applicant.applicationId}/files/${id}`,
    headers: { authorization: `Bearer ${cloud.staffToken}` },
  });
  expect(answer.rawPayload.equals(examplePdf)).toBe(true);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename="${id}.pdf"`,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
  });
  const other = await newApplicant();
  expect((await staff('GET', `/partner-applications/${other.applicationId}/files/${id}`)).status).toBe(404);
  expect((await applicant.upload(examplePng, 'image/png', 'purpose=other&name=a%00b')).status).toBe(400);
});

test('OP-02 the token opens its own application and no other, and guessing is banned', async () => {
  const [one, two] = [await newApplicant(), await newApplicant()];
  const wrong = { authorization: `Bearer ${two.token}`, ...nextAddress() };
  for (let n = 0; n <= FAILURE_POLICY.burst; n += 1)
    expect((await one.call('GET', '', undefined, wrong)).body.code).toBe('application.unknown');
  expect((await two.call('GET', '', undefined, wrong)).body.code).toBe('auth.banned');
  expect((await one.upload(examplePdf, 'application/pdf', undefined, wrong)).body.code).toBe('auth.banned');
  expect((await register(cloud.app, exampleRegistration, wrong)).body.code).toBe('auth.banned');
  expect((await one.call('GET')).status).toBe(200);
  expect((await one.call('GET', '', undefined, { authorization: '' })).body.code).toBe('auth.missing');
  const rows = await cloud.context.db.selectFrom('partner_applications').selectAll().execute();
  expect(JSON.stringify(rows)).not.toContain(one.token);
});

test('OP-02 of two who decide at once one wins, and nobody decides on what he has not seen', async () => {
  const applicant = await submitted();
  const id = applicant.applicationId;
  const { revision } = (await staff('GET', `/partner-applications/${id}`)).body;
  const tries = await Promise.all(
    ['a', 'b', 'c'].map((name, n) =>
      staff(
        'POST',
        `/partner-applications/${id}/decide`,
        review(
          n === 0 ? { revision, decision: 'reject' } : { revision, decision: 'approve', partner_id: `race-${name}` },
        ),
      ),
    ),
  );
  expect(tries.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  const late = await submitted();
  const seen = (await staff('GET', `/partner-applications/${late.applicationId}`)).body.revision;
  await decide(late, { decision: 'ask', reason: 'a clearer scan' });
  expect((await late.call('GET')).body.state).toBe('needs_more');
  await late.upload(examplePng, 'image/png');
  await late.call('POST', '/submit');
  const stale = await staff(
    'POST',
    `/partner-applications/${late.applicationId}/decide`,
    review({ revision: seen, decision: 'approve', partner_id: 'stale' }),
  );
  expect(stale.body.code).toBe('application.changed');
  expect((await staff('GET', '/partners/stale')).status).toBe(404);
});

test('OP-02 while it is with staff nothing of it changes', async () => {
  const applicant = await submitted();
  const { files } = (await applicant.call('GET')).body;
  expect((await applicant.upload(examplePng, 'image/png')).body.code).toBe('application.state');
  expect((await applicant.call('DELETE', `/files/${files[0].file_id}`)).body.code).toBe('application.state');
  expect((await applicant.call('PUT', '', exampleRegistration)).body.code).toBe('application.state');
  expect((await applicant.call('POST', '/submit')).body.code).toBe('application.state');
  expect((await applicant.call('POST', '/withdraw')).body.state).toBe('withdrawn');
  expect((await decide(applicant, { decision: 'approve', partner_id: 'gone' })).body.code).toBe('application.state');
});

test('OP-02 an approval says what was looked up and which id, and a company is one partner', async () => {
  const applicant = await submitted();
  expect((await decide(applicant, { decision: 'approve', evidence: [], partner_id: 'x' })).status).toBe(400);
  expect((await decide(applicant, { decision: 'approve' })).status).toBe(400);
  expect((await decide(applicant, { decision: 'reject', partner_id: 'x' })).status).toBe(400);
  expect((await decide(applicant, { decision: 'reject', reason: '' })).status).toBe(400);
  expect((await decide(applicant, { decision: 'approve', partner_id: 'company' })).status).toBe(200);
  const { credit_code } = (await applicant.call('GET')).body.registration;
  const again = await submitted({ credit_code });
  const seen = (await staff('GET', `/partner-applications/${again.applicationId}`)).body;
  expect(seen.same_code).toEqual({ applications: [applicant.applicationId], partners: ['company'] });
  expect((await decide(again, { decision: 'approve', partner_id: 'company-2' })).body.code).toBe('resource.exists');
  expect((await again.call('GET')).body.state).toBe('submitted');
  const waiting = (await staff('GET', '/partner-applications?limit=500')).body.applications;
  expect(waiting.map((one: { application_id: string }) => one.application_id)).toContain(again.applicationId);
});

test('OP-02 a draft that nobody has touched for a month is forgotten, one that was handed in is not', async () => {
  const draft = await newApplicant();
  await draft.upload(examplePdf, 'application/pdf');
  const kept = await submitted();
  await forgetDrafts(cloud.context.db, clock.wallMs() + 30 * 86_400_000);
  expect((await draft.call('GET')).status).toBe(200);
  await forgetDrafts(cloud.context.db, clock.wallMs() + 30 * 86_400_000 + 1);
  expect((await draft.call('GET')).body.code).toBe('application.unknown');
  expect((await kept.call('GET')).status).toBe(200);
});

test('OP-01 how to become a partner is part of what the API tells of itself', async () => {
  const { paths } = (await cloud.app.inject('/openapi.json')).json();
  expect(Object.keys(paths).filter((path) => path.startsWith('/onboarding/'))).toHaveLength(6);
  expect(paths['/onboarding/v1/applications'].post.security).toBeUndefined();
  expect(paths['/onboarding/v1/applications/{application_id}'].get.security).toEqual([{ applicant: [] }]);
  await expect(staffPost(cloud.app, 'wrong', '/staff/v1/partner-applications/x/decide', {})).rejects.toThrow('401');
});
