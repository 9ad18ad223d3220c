// Takes webhooks, and verifies each by the public package `standardwebhooks`.
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

/**
 * A server for webhooks. `take` gets each event once: `{ id, type, timestamp, data }`.
 *
 * @param secretOf gives the secret of the endpoint, `whsec_…`
 */
export function webhookServer(secretOf, take) {
  const seen = new Set();
  return createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    // The bytes as they came: parsed and written again they may be others.
    const body = Buffer.concat(chunks).toString('utf8');
    let event;
    try {
      event = new Webhook(secretOf()).verify(body, request.headers);
    } catch {
      return response.writeHead(401).end();
    }
    const id = request.headers['webhook-id'];
    if (!seen.has(id)) take({ id, ...event });
    seen.add(id);
    return response.writeHead(204).end();
  });
}
