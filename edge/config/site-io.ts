import { z } from 'zod';
import { boardIdSchema, connectorIdSchema, lineIdSchema, siteInputIdSchema, tripOutputIdSchema } from '#shared/ids.ts';
import { type InputFacts, inputKinds } from '../control/inputs/input.ts';
import type { OutputFacts } from '../control/inputs/output.ts';
import type { AddIssue } from '../devices/profile/checks.ts';
import { unitSchema } from './unit.ts';

const channelSchema = z.int().min(1).max(64);

const inputSchema = z.strictObject({
  inputId: siteInputIdSchema,
  channel: channelSchema,
  kind: z.enum(inputKinds),
  /** The contact while nothing is wrong. A normally closed one tells a broken wire. */
  normally: z.enum(['open', 'closed']),
  covers: z.union([z.literal('all'), z.array(connectorIdSchema).min(1)]),
  /** A door may latch; everything else does. */
  latch: z.boolean().optional(),
  /** A door may stop what runs; everything else does. */
  stops: z.boolean().optional(),
});
export type SiteInputConfig = z.infer<typeof inputSchema>;

const outputSchema = z.strictObject({
  outputId: tripOutputIdSchema,
  channel: channelSchema,
  trips: z.array(connectorIdSchema).min(1),
  /** `trips`: the relay drives a shunt trip. `holds`: it holds an under-voltage release or a contactor. */
  energised: z.enum(['trips', 'holds']),
  /** For a shunt trip that bears current for a short time only. */
  pulseMs: z.int().min(100).max(10_000).optional(),
  /** An auxiliary contact of what is switched, at an input of the same board. */
  feedback: z
    .strictObject({
      channel: channelSchema,
      /** How this contact stands while the supply is on. */
      suppliedWhen: z.enum(['open', 'closed']),
    })
    .optional(),
});
export type TripOutputConfig = z.infer<typeof outputSchema>;

export const ioBoardSchema = z.strictObject({
  boardId: boardIdSchema,
  profile: z.string(),
  lineId: lineIdSchema,
  unit: unitSchema,
  inputs: z.array(inputSchema).max(64).default([]),
  outputs: z.array(outputSchema).max(64).default([]),
});
export type IoBoardConfig = z.infer<typeof ioBoardSchema>;

/** What the mind of an input has to know. Everything but a door always latches and always stops. */
export const inputFactsOf = ({ inputId, kind, latch, stops }: SiteInputConfig): InputFacts => ({
  inputId,
  kind,
  latches: kind !== 'door' || latch === true,
  stops: kind !== 'door' || stops === true,
});

export const outputFactsOf = ({ outputId, energised, pulseMs }: TripOutputConfig): OutputFacts => ({
  outputId,
  energised,
  pulseMs: pulseMs ?? null,
});

export const isCovered = ({ covers }: SiteInputConfig, connectorId: string): boolean =>
  covers === 'all' || covers.includes(connectorId);

/** The output that cuts a connector off; undefined when the site has none for it. */
export const tripOutputOf = (boards: readonly IoBoardConfig[], connectorId: string): TripOutputConfig | undefined =>
  boards.flatMap(({ outputs }) => outputs).find(({ trips }) => trips.includes(connectorId));

/** What holds between the inputs and outputs of a site, whatever the profiles say. */
export function checkSiteIo(boards: readonly IoBoardConfig[], connectorIds: readonly string[], add: AddIssue): void {
  const names = new Map<string, string>();
  const trippedBy = new Map<string, string>();
  const checkConnectors = (path: (string | number)[], ids: readonly string[]): void =>
    ids.forEach((connectorId, i) => {
      if (!connectorIds.includes(connectorId)) add([...path, i], `no pile has the connector "${connectorId}"`);
      if (ids.indexOf(connectorId) < i) add([...path, i], `"${connectorId}" is named twice`);
    });
  boards.forEach(({ inputs, outputs }, b) => {
    checkChannels(inputs, outputs, b, add);
    inputs.forEach((input, i) => {
      const path = ['io', b, 'inputs', i];
      claim(names, input.inputId, path, 'inputId', add);
      checkLaw(input, path, add);
      if (input.covers !== 'all') checkConnectors([...path, 'covers'], input.covers);
    });
    outputs.forEach((output, o) => {
      const path = ['io', b, 'outputs', o];
      claim(names, output.outputId, path, 'outputId', add);
      checkConnectors([...path, 'trips'], output.trips);
      if (output.energised === 'holds' && output.pulseMs !== undefined)
        add([...path, 'pulseMs'], 'a relay that holds is energised all the time: only one that trips has a pulse');
      for (const connectorId of new Set(output.trips)) {
        const first = trippedBy.get(connectorId);
        if (first !== undefined) add([...path, 'trips'], `"${connectorId}" is cut off by ${first} already`);
        trippedBy.set(connectorId, first ?? path.join('.'));
      }
    });
  });
}

/** The ledger and the technician know inputs and outputs by one set of names. */
function claim(names: Map<string, string>, name: string, path: (string | number)[], key: string, add: AddIssue): void {
  const first = names.get(name);
  if (first !== undefined) add([...path, key], `"${name}" is ${first} already`);
  names.set(name, first ?? path.join('.'));
}

/** Configuration may only tighten. */
function checkLaw({ kind, latch, stops }: SiteInputConfig, path: (string | number)[], add: AddIssue): void {
  if (kind === 'door') return;
  if (latch === false) add([...path, 'latch'], `an input of kind ${kind} always latches`);
  if (stops === false) add([...path, 'stops'], `an input of kind ${kind} always stops`);
}

/** One contact tells one thing, one relay switches one thing. */
function checkChannels(
  inputs: readonly SiteInputConfig[],
  outputs: readonly TripOutputConfig[],
  board: number,
  add: AddIssue,
): void {
  const contacts = new Map<number, string>();
  const relays = new Map<number, string>();
  const take = (taken: Map<number, string>, channel: number, path: (string | number)[], what: string): void => {
    const first = taken.get(channel);
    if (first !== undefined) add([...path, 'channel'], `${what} ${channel} is ${first} already`);
    taken.set(channel, first ?? path.join('.'));
  };
  inputs.forEach(({ channel }, i) => {
    take(contacts, channel, ['io', board, 'inputs', i], 'input');
  });
  outputs.forEach(({ channel, feedback }, o) => {
    const path = ['io', board, 'outputs', o];
    take(relays, channel, path, 'output');
    if (feedback !== undefined) take(contacts, feedback.channel, [...path, 'feedback'], 'input');
  });
}
