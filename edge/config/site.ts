import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { connectorIdSchema, lineIdSchema, pileIdSchema, siteIdSchema } from '#shared/ids.ts';
import { SHARD_COUNT } from '#shared/wire/topics.ts';
import type { Profile } from '../devices/profile.ts';
import { readJsonFile } from './read-json-file.ts';

const baudSchema = z.union([4800, 9600, 19_200, 38_400, 57_600, 115_200].map((baud) => z.literal(baud)));
const portSchema = z.int().min(1).max(65_535);

const lineSchema = z.discriminatedUnion('transport', [
  z.strictObject({
    lineId: lineIdSchema,
    transport: z.literal('serial'),
    path: z.string().min(1),
    baud: baudSchema,
    parity: z.enum(['none', 'even', 'odd']),
    stopBits: z.union([z.literal(1), z.literal(2)]),
  }),
  z.strictObject({ lineId: lineIdSchema, transport: z.literal('tcp'), host: z.string().min(1), port: portSchema }),
  z.strictObject({
    lineId: lineIdSchema,
    transport: z.literal('rtu-over-tcp'),
    host: z.string().min(1),
    port: portSchema,
    gatewayBaud: baudSchema,
  }),
]);
export type LineConfig = z.infer<typeof lineSchema>;

const pileSchema = z.strictObject({
  pileId: pileIdSchema,
  connectorId: connectorIdSchema,
  profile: z.string(),
  lineId: lineIdSchema,
  unit: z.int().min(1).max(255),
  /** The most this pile may be set to. It can only tighten what the profile allows. */
  limitMa: z.int().positive(),
});
export type PileConfig = z.infer<typeof pileSchema>;

const siteSchema = z
  .strictObject({
    siteId: siteIdSchema,
    dataDir: z.string().min(1),
    cloud: z.strictObject({
      brokerUrl: z.url({ protocol: /^mqtts?$/ }),
      shard: z
        .int()
        .min(0)
        .max(SHARD_COUNT - 1),
      /** File that holds the site's broker password. Absent on a broker that needs none. */
      passwordFile: z.string().optional(),
    }),
    lines: z.array(lineSchema).min(1).max(32),
    piles: z.array(pileSchema).min(1).max(64),
  })
  .superRefine((site, context) => {
    const add = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    checkUnique(
      site.lines,
      (line) => line.lineId,
      (i, key, first) => add(['lines', i, 'lineId'], `"${key}" is lines.${first} already`),
    );
    checkUnique(site.lines, endpointOf, (i, key, first) =>
      add(['lines', i], `${key} belongs to lines.${first}: one owner per port`),
    );
    checkUnique(
      site.piles,
      (pile) => pile.pileId,
      (i, key, first) => add(['piles', i, 'pileId'], `"${key}" is piles.${first} already`),
    );
    checkUnique(
      site.piles,
      (pile) => pile.connectorId,
      (i, key, first) => add(['piles', i, 'connectorId'], `"${key}" is piles.${first} already`),
    );
    checkUnique(
      site.piles,
      (pile) => `unit ${pile.unit} on ${pile.lineId}`,
      (i, key, first) => add(['piles', i, 'unit'], `${key} is piles.${first} already`),
    );
    site.piles.forEach((pile, i) => {
      if (!site.lines.some((line) => line.lineId === pile.lineId))
        add(['piles', i, 'lineId'], `no line is named "${pile.lineId}"`);
    });
  });
/** A site's file, and where it was read from. */
export type SiteConfig = z.infer<typeof siteSchema> & { readonly file: string };

const endpointOf = (line: LineConfig) => (line.transport === 'serial' ? line.path : `${line.host}:${line.port}`);

function checkUnique<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  complain: (index: number, key: string, first: number) => void,
): void {
  items.forEach((item, index) => {
    const first = items.findIndex((other) => keyOf(other) === keyOf(item));
    if (first < index) complain(index, keyOf(item), first);
  });
}

/**
 * Reads a site's file. Paths in it are relative to the file.
 *
 * @throws PilegateError `config.invalid` with file, path and reason
 */
export function loadSite(path: string): SiteConfig {
  const site = readJsonFile(path, siteSchema, 'config.invalid');
  const here = (relative: string) => resolve(dirname(path), relative);
  const { passwordFile } = site.cloud;
  return {
    ...site,
    file: path,
    dataDir: here(site.dataDir),
    cloud: { ...site.cloud, ...(passwordFile === undefined ? {} : { passwordFile: here(passwordFile) }) },
  };
}

/**
 * Checks a site's piles against their profiles: configuration may only tighten.
 *
 * @throws PilegateError `config.invalid`
 */
export function profileOf(site: SiteConfig, index: number, profiles: ReadonlyMap<string, Profile>): Profile {
  const fail = (path: string, reason: string) =>
    new PilegateError('config.invalid', `${site.file}: piles.${index}.${path}: ${reason}`, {
      complaints: [{ path: `piles.${index}.${path}`, reason }],
    });
  const pile = site.piles[index];
  const profile = profiles.get(pile?.profile ?? '');
  if (pile === undefined || profile === undefined) throw fail('profile', `no profile is named "${pile?.profile}"`);
  const { minCurrentMa, maxCurrentMa } = profile.limits;
  if (pile.limitMa < minCurrentMa || pile.limitMa > maxCurrentMa) {
    throw fail('limitMa', `${pile.limitMa} is outside ${minCurrentMa} to ${maxCurrentMa} of ${profile.profileId}`);
  }
  const line = site.lines.find((candidate) => candidate.lineId === pile.lineId);
  if (line === undefined || !profile.transports.includes(line.transport)) {
    throw fail('lineId', `${profile.profileId} is not reached over ${line?.transport}`);
  }
  return profile;
}
