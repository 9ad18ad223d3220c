import type { PerPhase } from '../power/network.ts';
import type { PowerView } from '../runtime/power-view.ts';

const amperes = (ma: number) => (ma / 1000).toFixed(1);
const phases = (ma: PerPhase) => ma.map((of) => amperes(of).padStart(7)).join('');

const phaseNames = ['L1', 'L2', 'L3'].map((name) => name.padStart(7)).join('');

/** How the supply is shared, as a text for a terminal. */
export function powerText(power: PowerView | null): string {
  if (power === null) return 'nothing to share: the supply carries all piles at their limits';
  const nodes = power.nodes.map(
    ({ nodeId, limitMa, countedMa }) => `  ${nodeId.padEnd(16)}${phases(limitMa)}   ${phases(countedMa)}`,
  );
  const connectors = power.connectors.map(
    ({ connectorId, wants, grantMa, mayTakeMa, because }) =>
      `  ${connectorId.padEnd(16)}${wants.padEnd(9)}${amperes(grantMa).padStart(7)}${amperes(mayTakeMa).padStart(8)}   ${because}`,
  );
  return [
    `${'node'.padEnd(18)}${'for the piles, in A'.padStart(21)}   ${'counted'.padStart(21)}`,
    `${''.padEnd(18)}${phaseNames}   ${phaseNames}`,
    ...nodes,
    `${'connector'.padEnd(18)}wants    granted    may   bound by`,
    ...connectors,
    ...gridText(power.grid),
  ].join('\n');
}

function gridText(grid: PowerView['grid']): string[] {
  if (grid === null) return [];
  if (grid.lost !== null) return [`grid meter: lost, ${grid.lost}`];
  return [
    grid.houseMa === null ? 'grid meter: not read yet' : `grid meter: what else is taken ${phases(grid.houseMa)} A`,
  ];
}
