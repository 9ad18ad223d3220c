import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const docs = join(import.meta.dirname, '../../docs');
const rulesSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smh]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
          annotations: z.strictObject({ summary: z.string().min(1) }),
        }),
      ),
    }),
  ),
});

test('XC-03 the alert rules ask only for metrics that are told', () => {
  const { groups } = rulesSchema.parse(parse(readFileSync(join(docs, 'metrics/alerts.rules.yml'), 'utf8')));
  const page = readFileSync(join(docs, 'metrics.md'), 'utf8');
  const known = new Set([...page.matchAll(/^\| `(\w+)` \| \w+ \|/gm)].map(([, name]) => name));
  const rules = groups.flatMap((group) => group.rules);
  const asked = rules.flatMap(({ expr }) => expr.match(/\b(?:pilegate|process)_\w+/g) ?? []);
  expect(asked.length).toBeGreaterThan(15);
  const isKnown = (name: string) => known.has(name) || known.has(name.replace(/_(bucket|count|sum)$/, ''));
  expect(asked.filter((name) => !isKnown(name))).toEqual([]);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
});
