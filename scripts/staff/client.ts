import type { Call, Route } from './arguments.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Asks a person for something; what is secret is not shown while it is typed. */
export type Ask = (question: string, kind: 'shown' | 'secret') => Promise<string>;

const field = (body: unknown, name: string): string => {
  const value = typeof body === 'object' && body !== null && name in body ? body[name as keyof typeof body] : null;
  return typeof value === 'string' ? value : '';
};

/** Speaks with the cloud as somebody of the staff, or as nobody yet. */
export class StaffConnection {
  readonly #url: string;
  readonly #token: string | null;

  constructor(url: string, token: string | null) {
    this.#url = url.replace(/\/$/, '');
    this.#token = token;
  }

  /** @throws Error when the cloud cannot be reached */
  async call({ method, path, body }: Call, confirmation: string | null = null): Promise<Answer> {
    const request = {
      method,
      headers: {
        ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(confirmation === null ? {} : { 'pilegate-confirmation': confirmation }),
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    };
    const response = await fetch(this.#url + path, request).catch((cause: unknown) => {
      const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
      throw new Error(`${this.#url} cannot be reached: ${why}`, { cause });
    });
    const text = await response.text();
    return { status: response.status, body: isJson(response) ? JSON.parse(text) : text };
  }

  /** What is no JSON. @throws Error when there is none */
  async download(path: string): Promise<Uint8Array> {
    const headers = this.#token === null ? {} : { authorization: `Bearer ${this.#token}` };
    const response = await fetch(this.#url + path, { headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** As `call`, and where that is dangerous asks the person for a code and sends it again. */
  async callConfirmed(call: Call, ask: Ask): Promise<Answer> {
    const first = await this.call(call);
    if (field(first.body, 'code') !== 'confirmation.required') return first;
    const code = await ask(`${field(first.body, 'detail')}. Code: `, 'shown');
    const challenge = field(first.body, 'challenge');
    const given = await this.call({ method: 'POST', path: '/staff/v1/confirmations', body: { challenge, code } });
    if (given.status !== 201) return given;
    return this.call(call, field(given.body, 'confirmation'));
  }

  /** What there is to be done. */
  async routes(): Promise<readonly Route[] | Answer> {
    const answer = await this.call({ method: 'GET', path: '/staff/v1/actions', body: null });
    if (answer.status !== 200) return answer;
    return (answer.body as { routes: Route[] }).routes;
  }

  /** @returns the token, or why there is none */
  async logIn(staffId: string, password: string, code: string): Promise<{ token: string } | Answer> {
    const proof = /^\d{6}$/.test(code) ? { code } : { recovery_code: code };
    const body = { staff_id: staffId, password, ...proof };
    const answer = await this.call({ method: 'POST', path: '/staff/v1/sessions', body });
    return answer.status === 201 ? { token: field(answer.body, 'token') } : answer;
  }
}

const isJson = (response: Response): boolean => /json/.test(response.headers.get('content-type') ?? '');
