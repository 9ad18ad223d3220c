import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { errorCatalogue } from '../../shared/errors.ts';
import { type ApiDocument, type Operation, pointerToAnswer, pointerToBody } from './api-document.ts';
import type { Drawn } from './draw-request.ts';
import type { Answered } from './send.ts';

/** Longer than this nobody waits. */
export const MOST_MS = 5_000;
/** With its headers more than Node reads. */
const LONG_TARGET = 15_000;
const PROBLEM = 'application/problem+json';

/** Something that an answer must not be. */
export type Complaint = string;

/** Judges answers by the documents in which the API describes itself. */
export class Judge {
  readonly #ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: false });

  constructor(documents: Readonly<Record<string, ApiDocument>>) {
    // A package of the time before modules: its function is one level deeper.
    (addFormats as unknown as { default: (ajv: Ajv2020) => void }).default(this.#ajv);
    for (const [name, document] of Object.entries(documents)) this.#ajv.addSchema(document, name);
  }

  /** Compiles what most answers are held against, so that it does not take its time while somebody waits for the next one. */
  prepare(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (operation.body !== null) this.#validatorAt(`${operation.api}#/${pointerToBody(operation)}`);
      for (const [status, { content = {} }] of Object.entries(operation.responses))
        for (const mediaType of Object.keys(content))
          if (mediaType === 'application/json')
            this.#validatorAt(`${operation.api}#/${pointerToAnswer(operation, status, mediaType)}`);
    }
  }

  /** Whether a body is one that the document allows. */
  allows(operation: Operation, body: unknown): boolean {
    return this.#fits(operation.api, pointerToBody(operation), body) === null;
  }

  judge(drawn: Drawn, answer: Answered): Complaint[] {
    const { status, body, elapsedMs, headers } = answer;
    const complaints: Complaint[] = [];
    if (elapsedMs > MOST_MS) complaints.push(`answers after more than ${MOST_MS} ms`);
    if (status >= 500 && !(status === 503 && headers['retry-after'] !== undefined))
      complaints.push(`answers ${status}`);
    if (/\\n +at |node_modules|syntax error at or near/.test(body.toString('latin1')))
      complaints.push('tells of its inside');
    if (status >= 400) complaints.push(...judgeProblem(answer));
    if (status < 300 && drawn.hasUnknownField) complaints.push('takes a field that nobody knows');
    if (status < 300 && drawn.document !== undefined && !this.allows(drawn.operation, drawn.document))
      complaints.push('takes a body that its own document refuses');
    if (status === 431 && drawn.target.length > LONG_TARGET) return complaints;
    if (drawn.isAsDescribed && headers['pilegate-correlation'] === undefined)
      complaints.push('has no Pilegate-Correlation');
    // A NUL in the address is refused before it is looked up what is there.
    if (status === 400 && /%00/.test(drawn.target)) return complaints;
    return drawn.isAsDescribed ? [...complaints, ...this.#judgeByDocument(drawn.operation, answer)] : complaints;
  }

  #judgeByDocument(operation: Operation, { status, headers, body }: Answered): Complaint[] {
    const declared = operation.responses[String(status)];
    if (declared === undefined) return [`answers ${status}, which is not declared`];
    const mediaType = String(headers['content-type'] ?? '').split(';')[0] ?? '';
    const types = Object.keys(declared.content ?? {});
    if (types.length === 0) return body.length === 0 ? [] : [`answers ${status} with a body that is not declared`];
    if (!types.includes(mediaType)) return [`answers ${status} as ${mediaType}, which is not declared`];
    if (!mediaType.endsWith('json')) return [];
    const wrong = this.#fits(operation.api, pointerToAnswer(operation, String(status), mediaType), parsed(body));
    return wrong === null ? [] : [`answers ${status} otherwise than declared: ${wrong}`];
  }

  /** @returns what is wrong where the document itself is broken */
  #validatorAt(place: string): ValidateFunction | string {
    try {
      return this.#ajv.getSchema(place) ?? `there is no schema at ${place}`;
    } catch (error) {
      return `its document is broken: ${error instanceof Error ? error.message : error}`;
    }
  }

  #fits(api: string, pointer: string, value: unknown): string | null {
    const validate = this.#validatorAt(`${api}#/${pointer}`);
    if (typeof validate === 'string') return validate;
    if (validate(value) === true) return null;
    const [error] = validate.errors ?? [];
    return `${error?.instancePath} ${error?.message}`;
  }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Every refusal is a problem (RFC 9457) with a code of the catalogue. */
function judgeProblem({ status, headers, body }: Answered): Complaint[] {
  if (!String(headers['content-type']).startsWith(PROBLEM)) return [`refuses with ${status} and no problem document`];
  const problem = parsed(body);
  if (typeof problem !== 'object' || problem === null || !('code' in problem) || !('status' in problem))
    return [`refuses with ${status} and half a problem document`];
  const { code, status: told } = problem;
  if (typeof code !== 'string' || !(code in errorCatalogue)) return [`refuses with the code ${code}, of no catalogue`];
  if (told !== status) return [`refuses with ${status} and says ${told}`];
  if ((status === 429 || status === 503) && headers['retry-after'] === undefined)
    return [`refuses with ${status} and no Retry-After`];
  return [];
}
