import { faultCodes } from '#shared/faults.ts';
import { clockQualities } from '#shared/stamp.ts';
import { connectorStatusSchema } from '#shared/wire/messages.ts';
import type { SpaceLevel } from '../ledger/space.ts';

/** What a fact's value is, and by that what it may be compared with. */
export type FactKind =
  /** A whole number, in the unit that the fact's name ends in. */
  | { readonly kind: 'number' }
  | { readonly kind: 'yes-no' }
  /** One of these words. */
  | { readonly kind: 'word'; readonly words: readonly string[] }
  /** Any number of these words. */
  | { readonly kind: 'words'; readonly words: readonly string[] };

/** Null: nobody told. */
export type FactValue = number | boolean | string | readonly string[] | null;
export type Facts = Readonly<Record<string, FactValue>>;

const number: FactKind = { kind: 'number' };
const yesNo: FactKind = { kind: 'yes-no' };

/** What a rule may ask of the connector that it is looked at for. */
const connectorFacts = {
  status: { kind: 'word', words: connectorStatusSchema.options },
  plugged: yesNo,
  currentMa: number,
  powerW: number,
  temperatureDc: number,
  voltageLowMv: number,
  voltageHighMv: number,
  socPercent: number,
  sessionEnergyWh: number,
  sessionMinutes: number,
  faults: { kind: 'words', words: faultCodes },
} as const satisfies Record<string, FactKind>;

/** What a rule may ask of the whole site. */
const siteFacts = {
  sitePowerW: number,
  siteToldPowerW: number,
  siteChargingCount: number,
  minuteOfDay: number,
  weekday: number,
  storageLevel: { kind: 'word', words: ['ample', 'low', 'scarce', 'critical'] satisfies SpaceLevel[] },
  clockQuality: { kind: 'word', words: clockQualities },
  linkUp: yesNo,
  offlineMinutes: number,
} as const satisfies Record<string, FactKind>;

export type ConnectorFact = keyof typeof connectorFacts;
export type SiteFact = keyof typeof siteFacts;

export const factNames: readonly string[] = [...Object.keys(connectorFacts), ...Object.keys(siteFacts)];

/** The site inputs are facts as well, each by its own name. */
const INPUT_PREFIX = 'inputs.';
export const inputFact = (inputId: string): string => `${INPUT_PREFIX}${inputId}`;
/** The input that a fact is the state of; null of any other fact. */
export const inputIdOf = (fact: string): string | null =>
  fact.startsWith(INPUT_PREFIX) ? fact.slice(INPUT_PREFIX.length) : null;

/** Null when there is no such fact. */
export function factKindOf(fact: string): FactKind | null {
  if (inputIdOf(fact) !== null) return yesNo;
  const known: Readonly<Record<string, FactKind>> = { ...connectorFacts, ...siteFacts };
  return Object.hasOwn(known, fact) ? (known[fact] ?? null) : null;
}

/** It differs from one connector to the next. */
export const isOfConnector = (fact: string): boolean => Object.hasOwn(connectorFacts, fact);

/** It needs to know where on earth the site is. */
export const isLocalTime = (fact: string): boolean => fact === 'minuteOfDay' || fact === 'weekday';
