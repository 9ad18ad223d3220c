import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import jsonc from 'jsonc-parser';
import { isPilegateError, type PilegateError } from '#shared/errors.ts';
import type { Stamp } from '#shared/stamp.ts';
import { loadProfiles, type Profile } from '../devices/load-profiles.ts';
import type { DocumentHistory, StoredDocument } from '../documents/document-history.ts';
import { activeIn } from '../documents/document-history.ts';
import type { DocumentReader } from '../documents/document-kind.ts';
import { readFileBytes, textOf } from '../documents/read-text.ts';
import { type SiteAtStart, type SiteCheck, siteAtStart } from '../documents/site-at-start.ts';
import { type SiteIdentity, siteReader } from '../documents/site-reader.ts';
import type { PlannedSite } from '../planner/checked-site.ts';
import { lockFolder } from './folder-lock.ts';
import { StartCount } from './start-count.ts';

/** What the edge is told on its command line. */
export interface BeginArguments {
  readonly file: string;
  readonly profilesFolder: string;
}

/** The configuration that a process begins with, and how it was found. */
export interface BegunSite extends SiteAtStart<PlannedSite> {
  readonly identity: SiteIdentity;
  readonly reader: DocumentReader<PlannedSite>;
  readonly starts: StartCount;
  /** Chooses again, by what the opened ledger has. It is the same choice unless the ledger had to be mended. */
  readonly again: (
    documents: readonly StoredDocument[],
    charging: ReadonlySet<string>,
    at: Stamp,
  ) => SiteAtStart<PlannedSite> | null;
}

interface SiteFile {
  readonly path: string;
  readonly text: string;
}

const nobodyKnows: Stamp = { wallMs: 0, monoMs: 0, bootId: '00000000-0000-4000-8000-000000000000', clock: 'none' };

/**
 * Reads the site's file, takes the site's folder for this process, and chooses the configuration to begin with: the file when it
 * is a new one, otherwise what the ledger has in force or on trial. A broken file is passed over where there is something good.
 *
 * @throws PilegateError what is wrong with the file, when there is nothing else; `config.invalid` when another process works there
 */
export async function beginSite({ file: path, profilesFolder }: BeginArguments): Promise<BegunSite> {
  const profiles = loadProfiles(profilesFolder);
  const { file, seen, refusal } = readFile(path, profiles);
  const dataDir = dataDirIn(path, seen);
  if (dataDir === null) throw refusal ?? new TypeError(`${path}: dataDir is missing`);
  const ledgerFile = join(dataDir, 'ledger.db');
  // Nothing is made for a site that was never good.
  if (refusal !== null && !existsSync(ledgerFile)) throw refusal;
  await lockFolder('edge', dataDir).catch((error: unknown) => {
    throw refusal ?? error;
  });
  const { peekIntoLedger } = await import('../ledger/peek.ts');
  const peeked = existsSync(ledgerFile) ? peekIntoLedger(ledgerFile) : null;
  const starts = new StartCount(dataDir);
  const identity = { siteId: null, dataDir };
  const choose = chooser({ path, file, profiles, identity, starts });
  const chosen = choose(peeked?.documents ?? [], peeked?.charging ?? new Set(), nobodyKnows);
  if (chosen === null) throw refusal ?? new TypeError(`${path}: there is no configuration to begin with`);
  const own = { siteId: chosen.checked.site.siteId, dataDir };
  if (chosen.isFirstTry) starts.forget();
  if (chosen.isTrial) starts.add(chosen.version);
  const refused = file === null && refusal !== null ? [refusal.detail, ...chosen.refused] : chosen.refused;
  return {
    ...chosen,
    refused,
    identity: own,
    reader: siteReader({ file: path, profiles, identity: own }),
    starts,
    again: choose,
  };
}

/** The count of starts is that of before this process: whoever chooses again chooses the same. */
function chooser({
  path,
  file,
  profiles,
  identity,
  starts,
}: {
  path: string;
  file: SiteFile | null;
  profiles: ReadonlyMap<string, Profile>;
  identity: SiteIdentity;
  starts: StartCount;
}): BegunSite['again'] {
  const counted = new Map<number, number>();
  const startsOf = (version: number): number => {
    const known = counted.get(version) ?? starts.of(version);
    counted.set(version, known);
    return known;
  };
  return (documents, charging, at) => {
    const history = documents.filter(({ kind }) => kind === 'site');
    const siteId = siteIdOf(history);
    const { read, readAgain } = siteReader({ file: path, profiles, identity: { ...identity, siteId } });
    return siteAtStart({
      history,
      file,
      startsOf,
      charging,
      check: checkBy(read),
      checkAgain: checkBy(readAgain),
      at,
    });
  };
}

/** Reading a configuration takes a while: each text is read once. */
function checkBy(read: DocumentReader<PlannedSite>['read']): SiteCheck<PlannedSite> {
  const known = new Map<string, ReturnType<SiteCheck<PlannedSite>>>();
  return (text, name) => {
    const result = known.get(text) ?? attempt(read, text, name);
    known.set(text, result);
    return result;
  };
}

function attempt(
  read: DocumentReader<PlannedSite>['read'],
  text: string,
  name: string,
): ReturnType<SiteCheck<PlannedSite>> {
  try {
    return { kind: 'good', checked: read(text, name) };
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    return { kind: 'refused', reason: error.detail, complaints: error.complaints };
  }
}

/** The file as far as it can be read, and what is wrong with it. @throws PilegateError when there is nothing to be read */
function readFile(
  path: string,
  profiles: ReadonlyMap<string, Profile>,
): { file: SiteFile | null; seen: string; refusal: PilegateError | null } {
  const bytes = readFileBytes(path);
  let file: SiteFile | null = null;
  try {
    file = { path, text: textOf(bytes, path) };
    siteReader({ file: path, profiles, identity: null }).read(file.text, path);
    return { file, seen: file.text, refusal: null };
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    return { file, seen: new TextDecoder().decode(bytes), refusal: error };
  }
}

/** Also out of a file that is broken elsewhere: without it nobody knows where the last good configuration is. */
function dataDirIn(path: string, seen: string): string | null {
  const dataDir = memberOf(seen, 'dataDir');
  return dataDir === null || dataDir === '' ? null : resolve(dirname(path), dataDir);
}

const siteIdOf = (history: DocumentHistory): string | null => {
  const active = activeIn(history);
  return active === null ? null : memberOf(active.text, 'siteId');
};

function memberOf(text: string, key: string): string | null {
  try {
    const document: unknown = jsonc.parse(text, [], { allowTrailingComma: true });
    const value: unknown = typeof document === 'object' && document !== null ? Reflect.get(document, key) : null;
    return typeof value === 'string' ? value : null;
  } catch (error) {
    // Nested without end.
    if (error instanceof RangeError) return null;
    throw error;
  }
}
