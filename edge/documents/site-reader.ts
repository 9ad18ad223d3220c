import { accessSync, constants } from 'node:fs';
import { type Complaint, isPilegateError } from '#shared/errors.ts';
import { readCardKey } from '../access/card-reference.ts';
import { describeEffect, effectOf } from '../config/change-effect.ts';
import type { SiteConfig } from '../config/site.ts';
import type { Profile } from '../devices/load-profiles.ts';
import { checkedSite, type PlannedSite } from '../planner/checked-site.ts';
import { complain } from './complain.ts';
import { describeDifference, differencesBetween } from './differences.ts';
import type { DocumentReader } from './document-kind.ts';
import { withoutSecrets } from './without-secrets.ts';

/** What never changes by a document: another identity or another memory is another edge. */
export interface SiteIdentity {
  /** Null where no former configuration has told it. */
  readonly siteId: string | null;
  readonly dataDir: string;
}

interface SiteReaderParts {
  /** Paths in a configuration are relative to this file, wherever the configuration comes from. */
  readonly file: string;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly identity: SiteIdentity | null;
}

/** Reads configurations of a site: everything is checked that can be checked without driving anything. */
export function siteReader({ file, profiles, identity }: SiteReaderParts): DocumentReader<PlannedSite> {
  const readAs =
    (isInForce: boolean) =>
    (text: string, name: string): PlannedSite => {
      const planned = checkedSite(text, { file, name, profiles, isInForce });
      const complaints = [
        ...(identity === null ? [] : otherIdentity(planned.site, identity)),
        ...missingFiles(planned.site),
      ];
      if (complaints.length > 0) throw complain(name, planned.place(complaints));
      return planned;
    };
  // A configuration that cannot be begun with is never in force: another is chosen before anything begins.
  return {
    read: readAs(false),
    readAgain: readAs(true),
    versionOf: () => null,
    show: ({ text }) => withoutSecrets(text),
    differences: ({ site: before }, { site: after }) =>
      differencesBetween(configurationOf(before), configurationOf(after)).map(
        (difference) =>
          `${describeDifference(difference)}  [${describeEffect(effectOf(difference, { before, after }))}]`,
      ),
  };
}

/** Without what only says where it was read from. */
export const configurationOf = ({ file: _file, $schema: _schema, ...site }: SiteConfig): object => site;

function otherIdentity({ siteId, dataDir }: SiteConfig, identity: SiteIdentity): Complaint[] {
  const complaints: Complaint[] = [];
  if (identity.siteId !== null && siteId !== identity.siteId)
    complaints.push({ path: 'siteId', reason: `found "${siteId}"; a site keeps its name, "${identity.siteId}"` });
  if (dataDir !== identity.dataDir)
    complaints.push({ path: 'dataDir', reason: `found ${dataDir}; a site keeps its folder, ${identity.dataDir}` });
  return complaints;
}

/** Without them the edge could not begin with this configuration. */
function missingFiles({ cloud, access }: SiteConfig): Complaint[] {
  const { passwordFile } = cloud;
  return [
    ...(passwordFile === undefined
      ? []
      : complaintOf('cloud.passwordFile', () => accessSync(passwordFile, constants.R_OK))),
    ...(access === undefined ? [] : complaintOf('access.keyFile', () => readCardKey(access.keyFile))),
  ];
}

function complaintOf(path: string, read: () => unknown): Complaint[] {
  try {
    read();
    return [];
  } catch (error) {
    const reason = isPilegateError(error) ? error.detail : error instanceof Error ? error.message : String(error);
    return [{ path, reason }];
  }
}
