// Signs and sends one request, with nothing but Node. As a program:
//   API=https://… KEY=… SECRET=… node sign-request.mjs GET /v1/stations
import { createHash, createHmac, randomBytes } from 'node:crypto';

/** The headers of a request. `path` has the query exactly as it is sent; `body` is the text that is sent, '' for none. */
export function signedHeaders(
  key,
  { method, path, body = '' },
  { timestamp = Math.floor(Date.now() / 1000), nonce = randomBytes(16).toString('hex') } = {},
) {
  const digest = createHash('sha256').update(body).digest('hex');
  const text = ['v1', method, path, timestamp, nonce, digest].join('\n');
  const signature = createHmac('sha256', key.secret).update(text).digest('hex');
  return {
    'Pilegate-Key': key.id,
    'Pilegate-Timestamp': String(timestamp),
    'Pilegate-Nonce': nonce,
    'Pilegate-Signature': `v1=${signature}`,
  };
}

/** Sends a request; `document` is what becomes its body. A repeat is signed anew, and its `request_id` stays. */
export async function call(api, key, method, path, document) {
  const body = document === undefined ? '' : JSON.stringify(document);
  const headers = signedHeaders(key, { method, path, body });
  const sent = body === '' ? {} : { body };
  if (body !== '') headers['Content-Type'] = 'application/json';
  const response = await fetch(api + path, { method, headers, ...sent });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

if (import.meta.main) {
  const { API, KEY, SECRET } = process.env;
  const [method, path, body] = process.argv.slice(2);
  const answer = await call(
    API,
    { id: KEY, secret: SECRET },
    method,
    path,
    body === undefined ? undefined : JSON.parse(body),
  );
  console.log(JSON.stringify(answer.body));
  process.exitCode = answer.status < 400 ? 0 : 1;
}
