import { expect, test } from 'vitest';
import { readableTrace } from '../trace/show.ts';
import { readable } from './show.ts';

/** As a partner may describe its endpoint, or say why it has disabled a key. */
const HOSTILE = 'ok\u001b[2J\u001b]52;c;cm0gLXJm\u0007\n  we_1  enabled\u009b1A\u202e';

test('XC-01 what somebody outside has written neither drives the terminal of staff nor makes up lines', () => {
  const step = { at: 'now', source: 'cloud', what: HOSTILE, request_id: null, detail: { reason: HOSTILE } };
  const none = { partner_id: null, site_id: null, connector_id: null, order_id: null, session_id: null };
  const trace = { ...none, environment: 'live', request_ids: [], steps: [step], missing: [] };
  const told = [
    readable({ description: HOSTILE }),
    readable({ endpoints: [{ description: HOSTILE }] }),
    readableTrace('r', [trace]),
  ];
  for (const text of told) expect(text.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
  expect(told.map((text) => text.split('\n').length)).toEqual([2, 4, 5]);
});
