import type { FastifyInstance } from 'fastify';
import type { Answer } from './partner-client.ts';

/** The smallest files that are what they say. */
export const examplePdf = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n');
export const examplePng = Buffer.from(
  '89504e470d0a1a0a0000000d4948445200000001000000010806000000' +
    '1f15c4890000000d49444154789c6300010000000500010d0a2db40000000049454e44ae426082',
  'hex',
);

/** A registration without a flaw, to be changed by a test where it needs one. */
export const exampleRegistration = {
  company_name: '深圳市示例充电科技有限公司',
  credit_code: '91350100M000100Y43',
  contacts: [
    { role: 'business', name: '王小明', mobile: '13800138000', email: 'wang@example.com' },
    { role: 'technical', name: 'Li Lei', landline: '0755-86013388-8001', email: 'li.lei@example.com' },
  ],
  callback_url: 'https://good.example/pilegate',
  requested_scopes: ['read', 'control', 'orders'],
  source_cidrs: ['198.51.100.0/24', '2001:db8:7::/48'],
};

const BASE = '/onboarding/v1/applications';
type Headers = Readonly<Record<string, string>>;

/** Somebody who wants to become a partner, at an address of his own. */
export interface Applicant {
  readonly applicationId: string;
  readonly token: string;
  call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path?: string, body?: object, headers?: Headers): Promise<Answer>;
  upload(bytes: Buffer, mediaType: string, query?: string, headers?: Headers): Promise<Answer>;
}

async function answerOf(
  app: FastifyInstance,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  headers: Headers,
  payload?: string | Buffer,
): Promise<Answer> {
  const response = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  return { status: response.statusCode, headers: response.headers, body: response.json() };
}

const json = { 'content-type': 'application/json' };

/** Sends a registration, whatever it is. */
export const register = (app: FastifyInstance, registration: unknown, headers: Headers = {}): Promise<Answer> =>
  answerOf(app, 'POST', BASE, { ...json, ...headers }, JSON.stringify(registration));

/** Registers, and goes on from there. */
export async function createApplicant(
  app: FastifyInstance,
  registration: object,
  headers: Headers = {},
): Promise<Applicant> {
  const { status, body } = await register(app, registration, headers);
  if (status !== 201) throw new Error(`registration: ${status} ${JSON.stringify(body)}`);
  const { application_id: applicationId, token } = body;
  const own = { authorization: `Bearer ${token}`, ...headers };
  return {
    applicationId,
    token,
    call: (method, path = '', document, more = {}) =>
      document === undefined
        ? answerOf(app, method, `${BASE}/${applicationId}${path}`, { ...own, ...more })
        : answerOf(
            app,
            method,
            `${BASE}/${applicationId}${path}`,
            { ...own, ...json, ...more },
            JSON.stringify(document),
          ),
    upload: (bytes, mediaType, query = 'purpose=business-licence&name=licence.pdf', more = {}) =>
      answerOf(
        app,
        'POST',
        `${BASE}/${applicationId}/files?${query}`,
        { ...own, 'content-type': mediaType, ...more },
        bytes,
      ),
  };
}
