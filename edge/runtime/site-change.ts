import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import { faultCatalogue } from '#shared/faults.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import { describeObstacles, type Obstacle, obstaclesTo } from '../config/change-effect.ts';
import type { SiteConfig } from '../config/site.ts';
import { differencesBetween } from '../documents/differences.ts';
import type { DocumentDoor } from '../documents/document-door.ts';
import {
  activeIn,
  type HealthBefore,
  pendingIn,
  type StoredDocument,
  withLeft,
  withProven,
  withTrial,
} from '../documents/document-history.ts';
import { configurationOf } from '../documents/site-reader.ts';
import { expectedOf, judgeTrial, type SiteHealth } from '../documents/site-trial.ts';
import type { PlannedSite } from '../planner/checked-site.ts';

export interface SiteChangeParts {
  /** What this process runs with. */
  readonly running: { readonly version: number; readonly site: SiteConfig; readonly isTrial: boolean };
  readonly read: (text: string, name: string) => PlannedSite;
  readonly door: Pick<DocumentDoor<PlannedSite>, 'history' | 'update'>;
  readonly health: () => SiteHealth;
  /** Connectors that have a charge. */
  readonly charging: () => ReadonlySet<string>;
  /** Ends this process in order; the next one begins with what is stored. */
  readonly restart: (reason: string) => void;
  /** A version is about to be tried: nothing that was counted before counts. */
  readonly onTry: () => void;
  /** The version on trial has been judged. */
  readonly onJudged: () => void;
  readonly newId: () => string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
}

const LOOK_EVERY_MS = 1000;
/** What worked before a change is known only when this process has had the time to reach it. */
const SETTLED_AFTER_MS = 10_000;

/**
 * Applies configurations: one that waits is begun with when nothing that it changes has a charge, and one on trial is proven or
 * left. Applying is a restart of the process: charges that run are adopted, as after any other restart, and there is no moment at
 * which half of a configuration is in force.
 */
export class SiteChange {
  readonly #parts: SiteChangeParts;
  readonly #startedMonoMs: number;
  #isTrial: boolean;
  #isEnding = false;
  #cancel: () => void = () => {};

  constructor(parts: SiteChangeParts) {
    this.#parts = parts;
    this.#startedMonoMs = parts.clock.monoMs();
    this.#isTrial = parts.running.isTrial;
  }

  start(): void {
    this.#cancel = this.#parts.timers.after(LOOK_EVERY_MS, () => void this.#look());
  }

  close(): void {
    this.#isEnding = true;
    this.#cancel();
  }

  /** Why no configuration can be taken at present; null when one can. */
  closedBecause(): string | null {
    const { version } = this.#parts.running;
    if (this.#isEnding) return 'the edge is starting again';
    return this.#isTrial ? `version ${version} is being proven, which takes a minute at most; try again then` : null;
  }

  /** Why a configuration that is taken now waits. */
  waitsBecause({ site }: PlannedSite): string {
    const obstacles = this.#obstaclesTo(site);
    return obstacles.length > 0
      ? describeObstacles(obstacles)
      : 'it is applied in some seconds, by a restart of the edge, and proven by what works then';
  }

  async #look(): Promise<void> {
    try {
      if (this.#isTrial) await this.#judge();
      else await this.#apply();
    } catch (error) {
      // Nothing has changed; it is tried again.
      this.#parts.log.error({ code: 'store.unavailable', err: error }, 'a configuration could not be stored');
    }
    if (!this.#isEnding) this.start();
  }

  get #forMs(): number {
    return this.#parts.clock.monoMs() - this.#startedMonoMs;
  }

  async #judge(): Promise<void> {
    const { door, running, health, onJudged, log } = this.#parts;
    const trying = pendingIn(door.history);
    if (trying?.version !== running.version) return;
    const expected = expectedOf(trying.trial?.before ?? null, this.#formerSite(), running.site);
    const verdict = judgeTrial(expected, health(), this.#forMs);
    if (verdict.kind === 'going-on') return;
    if (verdict.kind === 'failed') return this.#leave(trying, verdict.reason);
    await door.update(withProven(door.history, trying.version));
    this.#isTrial = false;
    log.info({ version: trying.version }, 'the configuration is good, and stays');
    onJudged();
  }

  async #leave({ version }: StoredDocument, reason: string): Promise<void> {
    const { door, newId, onJudged, restart } = this.#parts;
    const detail = `version ${version} of the configuration: ${reason}`;
    await door.update(withLeft(door.history, version, 'rolled-back', reason.slice(0, 1000)), [
      rolledBack(newId(), detail),
    ]);
    onJudged();
    this.#isEnding = true;
    restart(`${detail}; the last good one is taken up again`);
  }

  async #apply(): Promise<void> {
    const { door, restart, health, onTry } = this.#parts;
    const waiting = pendingIn(door.history);
    if (waiting === null || this.#forMs < SETTLED_AFTER_MS) return;
    const site = this.#siteOf(waiting);
    if (site === null) {
      const reason = 'it can no longer be read';
      return door.update(withLeft(door.history, waiting.version, 'withdrawn', reason));
    }
    if (this.#obstaclesTo(site).length > 0) return;
    onTry();
    await door.update(withTrial(door.history, waiting.version, beforeOf(health())));
    this.#isEnding = true;
    restart(`version ${waiting.version} of the configuration is tried`);
  }

  #obstaclesTo(site: SiteConfig): Obstacle[] {
    const { running, charging } = this.#parts;
    const changes = differencesBetween(configurationOf(running.site), configurationOf(site));
    return obstaclesTo(changes, { before: running.site, after: site }, charging());
  }

  #formerSite(): SiteConfig | null {
    const active = activeIn(this.#parts.door.history);
    return active === null ? null : this.#siteOf(active);
  }

  #siteOf({ text, version }: StoredDocument): SiteConfig | null {
    try {
      return this.#parts.read(text, `version ${version}`).site;
    } catch {
      return null;
    }
  }
}

const beforeOf = ({ openLineIds, answeringIds, isLinkUp }: SiteHealth): HealthBefore => ({
  lineIds: [...openLineIds],
  connectorIds: [...answeringIds],
  isLinkUp,
});

export const rolledBack = (alarmId: string, detail: string): RecordBody =>
  siteAlarm('config-rolled-back', alarmId, detail);
export const configRefused = (alarmId: string, detail: string): RecordBody =>
  siteAlarm('config-refused', alarmId, detail);

const siteAlarm = (code: 'config-refused' | 'config-rolled-back', alarmId: string, detail: string): RecordBody => ({
  kind: 'alarm.raised',
  alarmId,
  code,
  severity: faultCatalogue[code].severity,
  pileId: null,
  connectorId: null,
  sessionId: null,
  detail: detail.slice(0, 500),
});
