import type { DevicePlan, PlannedTransaction } from './device-plan.ts';
import { amperes, seconds } from './figures.ts';
import type { GridMeterPlan } from './plan-grid-meter.ts';
import type { InputPlan } from './plan-inputs.ts';
import type { LinePlan } from './plan-line.ts';
import type { SitePlan } from './plan-site.ts';
import type { FallbackCurrent, SupplyPlan } from './plan-supply.ts';

/** A plan as a person at the site reads it. */
export function describePlan(plan: SitePlan): string {
  const verdict = plan.problems.length === 0 ? 'can be run' : `must not be run: ${plan.problems.length} problem(s)`;
  return [
    `site ${plan.siteId} ${verdict}`,
    ...plan.problems.flatMap(({ code, path, en, zh }) => ['', `${code} at ${path}`, `  ${en}`, `  ${zh}`]),
    ...plan.lines.flatMap(describeLine),
    '',
    ...describeSupply(plan.supply),
    ...describeGridMeter(plan.gridMeter),
    ...describeInputs(plan.inputs),
    ...(plan.notes.length === 0 ? [] : ['', 'notes', ...plan.notes.map((note) => `  ${note}`)]),
  ].join('\n');
}

const row = (name: string, value: string) => `  ${name.padEnd(30)}${value}`;

function describeLine(line: LinePlan): string[] {
  const { lineId, transport, baud, devices, stop } = line;
  const head = `line ${lineId}: ${transport}${baud === null ? '' : `, ${baud} baud`}`;
  const pace = [
    row('taken at the usual pace', `${(line.utilisation * 100).toFixed(1)} %`),
    row('every device once', seconds(line.saturatedCycleMs)),
  ];
  const stops =
    stop === null
      ? []
      : [
          row('a fault is read within', seconds(stop.detectionMs)),
          row('a stop is written within', `${seconds(stop.healthyMs)}${stop.isOnTarget ? '' : ' (above the target)'}`),
          row('with a dead unit within', seconds(stop.deadUnitMs)),
          row(`all piles (${stop.piles}) are stopped in`, seconds(stop.allPilesMs)),
        ];
  return ['', head, ...pace, ...stops, ...table(deviceHead, devices.map(deviceCells))];
}

const deviceHead = ['device', 'address', 'profile', 'one poll', 'every', 'watchdog', 'feed'];

function deviceCells({ deviceId, address, profileId, pollMs, polls, watchdogMs, feeds }: DevicePlan): string[] {
  const watchdog = watchdogMs === null ? '-' : seconds(watchdogMs);
  return [
    deviceId,
    address,
    profileId,
    taken(polls),
    seconds(pollMs),
    watchdog,
    feeds.length === 0 ? '-' : taken(feeds),
  ];
}

/** How many questions, and how long together. */
function taken(transactions: readonly PlannedTransaction[]): string {
  const ms = transactions.reduce((sum, { busyMs, gapMs }) => sum + busyMs + gapMs, 0);
  return `${transactions.length} in ${ms.toFixed(1)} ms`;
}

/** Columns as wide as their widest cell. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((cells) => cells[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd();
  return [head, ...rows].map(line);
}

function describeInputs(inputs: readonly InputPlan[]): string[] {
  if (inputs.length === 0) return [];
  const cells = ({ inputId, kind, boardId, stops, detectionMs }: InputPlan) => [
    inputId,
    kind,
    boardId,
    stops ? 'stops' : 'refuses new charges',
    seconds(detectionMs),
  ];
  const head = ['input', 'kind', 'board', 'it', 'seen within'];
  return ['', 'inputs of the site', ...table(head, inputs.map(cells))];
}

const fallbackTexts: Record<FallbackCurrent['because'], string> = {
  stop: 'it stops',
  'safe-current': 'it has a safe current',
  'full-power': 'it goes to full power; its limit counts',
  'no-watchdog': 'it has no watchdog; its limit counts',
};

const describeGridMeter = (meter: GridMeterPlan | null): string[] =>
  meter === null ? [] : [row(`grid meter ${meter.meterId} is read every`, seconds(meter.seenWithinMs))];

function describeSupply({ nodes, piles }: SupplyPlan): string[] {
  const [supply, ...feeders] = nodes;
  const isEven = nodes.every(({ limitMa, fallbackMa, fullMa }) =>
    [limitMa, fallbackMa, fullMa].every((ma) => ma.every((of) => of === ma[0])),
  );
  const inTotal =
    supply !== undefined && feeders.length === 0 && isEven
      ? [
          row('carries', amperes(supply.limitMa[0])),
          row('all piles without the edge', amperes(supply.fallbackMa[0])),
          row('all piles at their limits', amperes(supply.fullMa[0])),
        ]
      : table(
          ['node', 'carries', 'for the piles without the edge', 'they take then', 'at their limits'],
          nodes.map(({ nodeId, limitMa, theirsMa, fallbackMa, fullMa }) => [
            nodeId,
            ...[limitMa, theirsMa, fallbackMa, fullMa].map((ma) => ma.map((of) => amperes(of)).join(' ')),
          ]),
        );
  return [
    'supply, per phase',
    ...inTotal,
    ...table(
      ['pile', 'without the edge', 'because'],
      piles.map(({ pileId, currentMa, because }) => [pileId, amperes(currentMa), fallbackTexts[because]]),
    ),
  ];
}
