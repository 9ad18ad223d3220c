import { totpCode, totpStep } from '../staff/login/totp.ts';
import type { AccountRole } from '../staff/roles.ts';
import { staffPost } from './fixtures.ts';
import type { TestClock } from './test-clock.ts';
import type { TestCloud } from './test-cloud.ts';

const STEP_MS = 30_000;
const PASSWORD = 'correct horse battery';
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** What an authenticator app makes of the text. */
export function fromBase32(text: string): Buffer {
  const bits = [...text].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type StaffCloud = Pick<TestCloud, 'app' | 'staffToken'>;

export interface StaffAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for
  readonly body: any;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** A request of the staff over HTTP, with a bearer token or without. */
export async function askAsStaff(
  { app }: Pick<StaffCloud, 'app'>,
  {
    method,
    path,
    token,
    body,
    headers = {},
  }: {
    readonly method: string;
    readonly path: string;
    readonly token?: string;
    readonly body?: object;
    readonly headers?: Record<string, string>;
  },
): Promise<StaffAnswer> {
  const response = await app.inject({
    method: method as Method,
    url: `/staff/v1${path}`,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  const isJson = /json/.test(String(response.headers['content-type']));
  return {
    status: response.statusCode,
    body: isJson ? response.json() : response.rawPayload,
    headers: response.headers,
  };
}

/** Somebody of the staff with an authenticator app. Every code that they need makes the time go on by one step. */
export class StaffPerson {
  readonly staffId: string;
  readonly password = PASSWORD;
  readonly recoveryCodes: readonly string[];
  token = '';
  readonly #cloud: StaffCloud;
  readonly #clock: TestClock;
  readonly #secret: Buffer;

  private constructor(cloud: StaffCloud, clock: TestClock, staffId: string, secret: Buffer, codes: string[]) {
    this.#cloud = cloud;
    this.#clock = clock;
    this.staffId = staffId;
    this.#secret = secret;
    this.recoveryCodes = codes;
  }

  /** The first owner, by the staff token; logged in. */
  static async firstOwner(cloud: StaffCloud, clock: TestClock, staffId: string): Promise<StaffPerson> {
    const body = { staff_id: staffId, name: `Name of ${staffId}` };
    const { invitation } = await staffPost(cloud.app, cloud.staffToken, '/staff/v1/accounts/first', body);
    return StaffPerson.enrol(cloud, clock, staffId, invitation);
  }

  static async enrol(cloud: StaffCloud, clock: TestClock, staffId: string, invitation: string): Promise<StaffPerson> {
    const invited = { staff_id: staffId, invitation };
    const begun = await askAsStaff(cloud, {
      method: 'POST',
      path: '/invitations/begin',
      body: { ...invited, password: PASSWORD },
    });
    const secret = fromBase32(begun.body.totp_secret);
    clock.advance(STEP_MS);
    const code = totpCode(secret, totpStep(clock.wallMs()));
    const done = await askAsStaff(cloud, { method: 'POST', path: '/invitations/finish', body: { ...invited, code } });
    const person = new StaffPerson(cloud, clock, staffId, secret, done.body.recovery_codes);
    await person.logIn();
    return person;
  }

  /** Invites somebody, and lets them enrol. */
  async invite(staffId: string, role: AccountRole): Promise<StaffPerson> {
    const { body } = await this.call('POST', '/accounts', { staff_id: staffId, name: `Name of ${staffId}`, role });
    return StaffPerson.enrol(this.#cloud, this.#clock, staffId, body.invitation);
  }

  freshCode(): string {
    this.#clock.advance(STEP_MS);
    return this.codeNow();
  }

  codeNow = (): string => totpCode(this.#secret, totpStep(this.#clock.wallMs()));

  /** @returns the answer; the token of a new session is kept */
  async logIn(change: object = {}): Promise<StaffAnswer> {
    const code = 'code' in change ? {} : { code: this.freshCode() };
    const body = { staff_id: this.staffId, password: this.password, ...code, ...change };
    const answer = await askAsStaff(this.#cloud, { method: 'POST', path: '/sessions', body });
    if (answer.status === 201) this.token = answer.body.token;
    return answer;
  }

  ask(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<StaffAnswer> {
    const { token } = this;
    return askAsStaff(this.#cloud, {
      method,
      path,
      token,
      ...(body === undefined ? {} : { body }),
      ...(headers === undefined ? {} : { headers }),
    });
  }

  /** The confirmation of a challenge. */
  confirm(challenge: string, code = this.freshCode()): Promise<StaffAnswer> {
    return this.ask('POST', '/confirmations', { challenge, code });
  }

  /** Asks, and confirms where that is needed. */
  async call(method: string, path: string, body?: object): Promise<StaffAnswer> {
    const first = await this.ask(method, path, body);
    if (first.body.code !== 'confirmation.required') return first;
    const { confirmation } = (await this.confirm(first.body.challenge)).body;
    return this.ask(method, path, body, { 'pilegate-confirmation': confirmation });
  }
}
