import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { scopesWanted } from '../partners/gate.ts';
import { describedWebhooks } from '../webhooks/event-data.ts';
import { problemSchema, problems } from './problem.ts';
import { withUsedSchemas } from './used-schemas.ts';

const DESCRIPTION = `
Start and stop charges, follow them, and get what is needed to recompute every bill.

## Signing

Every request under \`/v1\` carries four headers:

| Header | Value |
| --- | --- |
| \`Pilegate-Key\` | the key id |
| \`Pilegate-Timestamp\` | time of signing, Unix seconds; good for 300 s on both sides of our time |
| \`Pilegate-Nonce\` | 16 to 64 visible ASCII characters, fresh for every attempt |
| \`Pilegate-Signature\` | \`v1=\` and the lower-case hex HMAC-SHA256 of the text below; the HMAC key is the secret as it was shown, in UTF-8 |

The text is six lines joined by \`\\n\`, without one at the end:

\`\`\`text
v1
METHOD
/path?query exactly as sent
timestamp
nonce
lower-case hex SHA-256 of the body bytes (of nothing, when there is no body)
\`\`\`

## How often

Calls are counted per key and class of endpoint. \`RateLimit\` and \`RateLimit-Policy\` tell what is left; a call too many gets 429 with \`Retry-After\`.

## Repeating

Every write that makes something takes a \`request_id\`. Repeat such a request with the same \`request_id\` and body, and with a fresh nonce, whenever
you are not sure that it arrived: you get the first answer again, of an operation with \`Idempotency-Hit: true\`, and nothing happens twice. What was
refused is kept nowhere, and looked at anew.

## Webhooks

Webhooks follow [Standard Webhooks 1.0](https://www.standardwebhooks.com): \`webhook-id\`, \`webhook-timestamp\`, \`webhook-signature\`.
The body is \`{type, timestamp, data}\`; \`GET /v1/webhook-event-types\` lists the types, and \`webhooks\` of this document has the schema of each. The data of a
charge event is the order as \`GET /v1/orders/{order_id}\` shows it. Events of one order arrive in order; an event may arrive twice,
with the same \`webhook-id\`. Answer with 2xx within 15 s; 410 disables the address.

## Errors

Errors are \`application/problem+json\` (RFC 9457). Branch on \`code\`. A refused request (4xx) leaves no operation and no order behind.
`;

/** Which credential a path asks for; partner requests carry all four headers, by a key with one of the scopes. */
function securityOf(url: string, scopes: readonly string[]): { security?: Record<string, string[]>[] } {
  const headers = { timestamp: [], nonce: [], signature: [] };
  if (url.startsWith('/v1/')) return { security: scopes.map((scope) => ({ key: [scope], ...headers })) };
  if (url.startsWith('/onboarding/') && url.includes(':application_id')) return { security: [{ applicant: [] }] };
  return {};
}

const signingHeader = (name: string, description: string) =>
  ({ type: 'apiKey', in: 'header', name, description }) as const;

/** What the operations are told apart by, in the order of a partner's work. */
const tags = [
  { name: 'onboarding', description: 'Becoming a partner; no signature is needed.' },
  { name: 'stations', description: 'Stations, piles, connectors, prices and status.' },
  { name: 'operations', description: 'Starting and stopping: accepted at once, done by the site.' },
  { name: 'reservations', description: 'Holding a connector for somebody.' },
  { name: 'orders', description: 'Charges, their progress and their bills.' },
  { name: 'webhooks', description: 'Where you are told what happens, and what became of it.' },
  { name: 'credit', description: 'What you have paid in, owe, and have held.' },
  { name: 'keys', description: 'Your own keys.' },
  { name: 'sandbox', description: 'Faults of simulated piles, on purpose.' },
  { name: 'errors', description: 'What each error, and each fault of a pile, means.' },
  { name: 'health', description: 'Whether the cloud is there.' },
];

/** Bearer tokens and answers of the staff's side are explained in docs/staff.md. */
const STAFF_DESCRIPTION =
  'What staff do, and the one door that a site has. Send `Authorization: Bearer` with the token of a session.';

declare module 'fastify' {
  interface FastifyInstance {
    /** The document of what partners have no business with. */
    describeStaffApi(): object;
  }
}

type Route = Parameters<typeof jsonSchemaTransform>[0];

const takesBody = ({ method }: Route['route']): boolean => method !== 'GET' && method !== 'HEAD';

/** What every route can answer, whatever it does; a route that says itself how it answers with a status has the word. */
function withGeneralProblems(route: Route): Route {
  const { schema } = route;
  if (!route.url.includes('/v1/') || typeof schema !== 'object') return route;
  const unsupported = {
    description: '`request.method`: the body has another content type than is taken here',
    content: { 'application/problem+json': { schema: problemSchema } },
  };
  const response = {
    ...problems('request.invalid', 'platform.unavailable', 'platform.internal'),
    ...(takesBody(route.route) && { ...problems('request.too_large'), 415: unsupported }),
    ...(schema.response ?? {}),
  };
  return { ...route, schema: { ...schema, response } };
}

const isForStaff = (url: string): boolean => url.startsWith('/staff/') || url.startsWith('/site/');

/** The OpenAPI 3.1 documents, made from the schemas that check the requests, and a page to read the partners' one that works offline. */
export async function describeApi(app: FastifyInstance, publicUrl: string | null): Promise<void> {
  const openapi = {
    openapi: '3.1.0',
    info: { title: 'Pilegate partner API', version: '1.0.0', description: DESCRIPTION.trim() },
    servers: publicUrl === null ? [] : [{ url: publicUrl }],
    tags,
    components: {
      securitySchemes: {
        key: signingHeader('Pilegate-Key', 'the key id; a request names the scope that its key needs'),
        timestamp: signingHeader('Pilegate-Timestamp', 'time of signing, Unix seconds, within 300 s of our time'),
        nonce: signingHeader('Pilegate-Nonce', '16 to 64 visible ASCII characters, fresh for every attempt'),
        signature: signingHeader(
          'Pilegate-Signature',
          '`v1=` and the lower-case hex HMAC-SHA256, by the secret, of six lines: v1, method, path with query, timestamp, nonce, hex SHA-256 of the body',
        ),
        applicant: { type: 'http', scheme: 'bearer', description: 'the token of the application' },
      },
    },
  } as const;
  await app.register(swagger, {
    openapi: { ...openapi, servers: [...openapi.servers] },
    transform: (route) => {
      if (isForStaff(route.url)) return { schema: { hide: true }, url: route.url };
      const { schema, url } = jsonSchemaTransform(withGeneralProblems(route));
      return { schema: { ...schema, ...securityOf(url, scopesWanted(route.route.preValidation)) }, url };
    },
    transformObject: (document) =>
      withUsedSchemas({ ...jsonSchemaTransformObject(document), webhooks: describedWebhooks() }),
  });
  await app.register(swagger, {
    decorator: 'describeStaffApi',
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Pilegate staff API', version: '1.0.0', description: STAFF_DESCRIPTION },
      components: { securitySchemes: { session: { type: 'http', scheme: 'bearer' } } },
    },
    transform: (route) => {
      if (!isForStaff(route.url)) return { schema: { hide: true }, url: route.url };
      const { schema, url } = jsonSchemaTransform(withGeneralProblems(route));
      const isOpen = (route.route.config?.staffPermission ?? 'none') === 'none';
      return { schema: { ...schema, ...(isOpen ? {} : { security: [{ session: [] }] }) }, url };
    },
    transformObject: (document) => withUsedSchemas(jsonSchemaTransformObject(document)),
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
}
