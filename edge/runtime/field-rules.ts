import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import { faultCatalogue } from '#shared/faults.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { SiteConfig } from '../config/site.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import type { Influence } from '../control/influence.ts';
import type { SpaceLevel } from '../ledger/space.ts';
import { engineFor } from '../rules/engine.ts';
import type { RuleHistory } from '../rules/rule-history.ts';
import { ruleSiteOf } from '../rules/rule-site.ts';
import type { Looked, SiteLook } from '../rules/snapshot.ts';
import { CommitQueue } from './commit-queue.ts';
import type { InputView } from './io-views.ts';
import { type RulesAlarm, SiteRules } from './site-rules.ts';

/** What rules may ask for and the field does not know by itself. */
export interface Surroundings {
  readonly storageLevel: SpaceLevel | null;
  /** Null before anybody knows. */
  readonly isLinkUp: boolean | null;
}

export interface FieldRulesParts {
  readonly site: SiteConfig;
  readonly opened: { readonly rules: RuleHistory };
  readonly clock: Clock;
  readonly timers: Timers;
  readonly stamp: () => Stamp;
  readonly newId: () => string;
  readonly log: Logger;
  readonly commit: (transaction: LedgerTransaction) => Promise<void>;
  /** Makes a version of the rules the active one. Resolves when it is on disk. */
  readonly storeRules: (version: number, document: unknown) => Promise<void>;
  readonly surroundings: () => Surroundings;
  readonly connectors: () => readonly Looked[];
  readonly inputs: () => readonly InputView[];
  readonly onInfluence: (connectorId: string, influence: Influence) => void;
}

/** The rules of a site over its field. */
export function fieldRules(parts: FieldRulesParts): SiteRules {
  const { site, opened, clock, newId, storeRules, onInfluence } = parts;
  const commits = new CommitQueue(parts);
  const pileIdOf = (connectorId: string | null) =>
    site.piles.find((pile) => pile.connectorId === connectorId)?.pileId ?? null;
  let upMonoMs = clock.monoMs();
  const look = (): SiteLook => {
    const now = parts.stamp();
    const { storageLevel, isLinkUp } = parts.surroundings();
    if (isLinkUp === true) upMonoMs = now.monoMs;
    return {
      connectors: parts.connectors(),
      now,
      storageLevel,
      link: isLinkUp === null ? null : { isUp: isLinkUp, upMonoMs },
      inputs: new Map(parts.inputs().map((input) => [input.inputId, hasHappened(input)])),
    };
  };
  return new SiteRules({
    ...parts,
    site: ruleSiteOf(site),
    file: site.rules ?? null,
    history: opened.rules,
    store: storeRules,
    look,
    engineFor,
    onInfluence,
    onAlarm: (alarm) => commits.add({ session: null, records: [alarmOf(alarm, newId(), pileIdOf(alarm.connectorId))] }),
    end: () => commits.end(),
  });
}

/** Null while nobody sees the input, unless it has latched. */
const hasHappened = ({ level, latched, lost }: InputView): boolean | null => {
  if (latched) return true;
  return lost || level === 'unknown' ? null : level === 'active';
};

const alarmOf = ({ code, ...about }: RulesAlarm, alarmId: string, pileId: string | null): RecordOf<'alarm.raised'> => ({
  kind: 'alarm.raised',
  alarmId,
  code,
  severity: faultCatalogue[code].severity,
  pileId,
  sessionId: null,
  ...about,
});
