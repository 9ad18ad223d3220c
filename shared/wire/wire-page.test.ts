import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MAX_MESSAGE_BYTES } from './decode.ts';
import { MAX_BATCH_RECORDS } from './messages.ts';
import { recordBodySchema } from './records.ts';
import { samplesBodySchema } from './samples.ts';
import { downKinds, upKinds } from './topics.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/wire.md'), 'utf8');

/** The first column of the tables under a heading. */
function kindsUnder(heading: string): string[] {
  const section = page.split(/^## /m).find((one) => one.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, kind]) => kind ?? '').sort();
}

test.each<[string, readonly string[]]>([
  ['Up', upKinds],
  ['Down', downKinds],
  ['Records of the stream `events`', recordBodySchema.options.map((option) => option.shape.kind.value)],
  ['Records of the stream `samples`', samplesBodySchema.options.map((option) => option.shape.kind.value)],
])('SY-01 docs/wire.md names the kinds that there are, and no others: %s', (heading, kinds) => {
  expect(kindsUnder(heading)).toEqual([...kinds].sort());
});

test('docs/wire.md tells the limits as they are', () => {
  expect(page).toContain(`| a message, inflated | ${MAX_MESSAGE_BYTES / 1_048_576} MiB |`);
  expect(page).toContain(`| records in a batch | ${MAX_BATCH_RECORDS} |`);
});
