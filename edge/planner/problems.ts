import { ROOT_NODE } from '../config/site-power.ts';
import { FEEDS_PER_TIMEOUT } from '../devices/profile/pile-profile.ts';
import { METER_LOST_AFTER_MS } from '../power/grid-meter.ts';
import type { DevicePlan } from './device-plan.ts';
import { amperes, seconds } from './figures.ts';
import type { GridMeterPlan } from './plan-grid-meter.ts';
import { INPUT_SEEN_TARGET_MS, type InputPlan } from './plan-inputs.ts';
import type { LinePlan } from './plan-line.ts';
import { type NodePlan, type SupplyPlan, worstPhase } from './plan-supply.ts';

/** Why a site must not be run as configured. Texts carry the numbers. */
export interface PlanProblem {
  readonly code: 'watchdog-starved' | 'fallback-above-supply' | 'input-too-slow' | 'grid-meter-too-slow';
  /** Place in the site's file. */
  readonly path: string;
  readonly en: string;
  readonly zh: string;
}

export function problemsOf(
  lines: readonly LinePlan[],
  supply: SupplyPlan,
  inputs: readonly InputPlan[],
  gridMeter: GridMeterPlan | null,
): PlanProblem[] {
  return [
    ...lines.flatMap(watchdogProblem),
    ...supply.nodes.flatMap(supplyProblem),
    ...inputs.flatMap(inputProblem),
    ...gridMeterProblem(gridMeter),
  ];
}

/** A single look that is lost must not be the end of what the meter is there for. */
function gridMeterProblem(meter: GridMeterPlan | null): PlanProblem[] {
  if (meter === null || meter.twoLooksMs <= METER_LOST_AFTER_MS) return [];
  const [looks, lost] = [seconds(meter.twoLooksMs), seconds(METER_LOST_AFTER_MS)];
  return [
    {
      code: 'grid-meter-too-slow',
      path: 'power.gridMeter',
      en: `${meter.meterId} shares ${meter.lineId} with devices that take so long that two looks at it, one of them lost, take ${looks}; it counts as lost after ${lost}. Give the grid meter a line of its own.`,
      zh: `总表 ${meter.meterId} 与其他设备共用线路 ${meter.lineId}，两次读取（其中一次丢失）需 ${looks}，而超过 ${lost} 即视为失联。请为总表单独布线。`,
    },
  ];
}

/** An emergency stop that is seen too late is none. */
function inputProblem({ inputId, kind, boardId, lineId, path, stops, detectionMs }: InputPlan): PlanProblem[] {
  if (!stops || detectionMs <= INPUT_SEEN_TARGET_MS) return [];
  const [seen, target] = [seconds(detectionMs), seconds(INPUT_SEEN_TARGET_MS)];
  return [
    {
      code: 'input-too-slow',
      path,
      en: `${kind} ${inputId} may be seen ${seen} after it shows, because ${boardId} shares ${lineId} with devices that take so long; it has to be seen within ${target}. Give the board a line of its own.`,
      zh: `输入 ${inputId} 动作后最长 ${seen} 才能被识别，因为 ${boardId} 与其他设备共用线路 ${lineId}；要求 ${target} 内识别。请为该模块单独布线。`,
    },
  ];
}

type Watched = DevicePlan & { readonly watchdogMs: number };
const isWatched = (device: DevicePlan): device is Watched => device.watchdogMs !== null;

/**
 * A watchdog that is not fed in time ends charges by chance. A cycle has to fit into a third of it, and one that is lost
 * and the next into the whole. One problem per line, told by its shortest watchdog.
 */
function watchdogProblem(line: LinePlan, index: number): PlanProblem[] {
  const { lineId, baud, devices, saturatedCycleMs, lostCycleMs } = line;
  const starved = devices
    .filter(isWatched)
    .filter(
      ({ watchdogMs }) =>
        saturatedCycleMs >= watchdogMs / FEEDS_PER_TIMEOUT || lostCycleMs + saturatedCycleMs >= watchdogMs,
    )
    .sort((a, b) => a.watchdogMs - b.watchdogMs);
  const [first] = starved;
  if (first === undefined) return [];
  const { deviceId, profileId, watchdogMs } = first;
  const third = seconds(watchdogMs / FEEDS_PER_TIMEOUT);
  const whole = seconds(watchdogMs);
  const cycle = seconds(saturatedCycleMs);
  const lost = seconds(lostCycleMs + saturatedCycleMs);
  return [
    {
      code: 'watchdog-starved',
      path: `lines.${index}`,
      en: `${lineId} needs ${cycle} to ask each of its devices (${devices.length}) once${baud === null ? '' : ` at ${baud} baud`}, and ${lost} when a cycle is lost; the watchdog of ${deviceId} (${profileId}) has to be fed every ${third}, and falls back after ${whole}. Piles that would fall back by chance: ${starved.length}. Spread them over more lines.`,
      zh: `线路 ${lineId} 轮询全部 ${devices.length} 台设备一次需 ${cycle}${baud === null ? '' : `（${baud} 波特）`}，丢失一轮时需 ${lost}；而 ${deviceId}（${profileId}）的看门狗须每 ${third} 喂一次，${whole} 后即进入失联保护。可能误入保护的桩：${starved.length} 台，请分到更多线路。`,
    },
  ];
}

/** When the edge is gone nobody shares the supply between the piles. One problem per node, told by its worst phase. */
function supplyProblem(node: NodePlan): PlanProblem[] {
  const { nodeId, path, limitMa, theirsMa, fallbackMa, piles } = node;
  const phase = worstPhase(node);
  if (fallbackMa[phase] <= theirsMa[phase]) return [];
  const counted = piles.filter(({ currentMa }) => currentMa > 0);
  const list = (between: string) => counted.map((pile) => `${pile.pileId} ${amperes(pile.currentMa)}`).join(between);
  const [taken, carried] = [amperes(fallbackMa[phase]), amperes(theirsMa[phase])];
  const isEven = fallbackMa.every((ma) => ma === fallbackMa[phase]) && theirsMa.every((ma) => ma === theirsMa[phase]);
  const [onEn, onZh] = isEven ? ['per phase', '每相'] : [`on L${phase + 1}`, `L${phase + 1} `];
  const isMetered = theirsMa[phase] < limitMa[phase];
  const name = nodeId === ROOT_NODE ? { en: 'the supply', zh: '供电' } : { en: nodeId, zh: nodeId };
  const en = isMetered
    ? `without the grid meter only ${carried} of ${name.en} are theirs`
    : `${name.en} carries ${carried}`;
  const zh = isMetered ? `无总表时 ${name.zh} 只允许各桩使用 ${carried}` : `${name.zh}仅允许 ${carried}`;
  return [
    {
      code: 'fallback-above-supply',
      path: isMetered ? 'power.gridMeter.fallbackLimitMa' : path,
      en: `Without the edge the piles may take ${taken} ${onEn} (${list(', ')}), but ${en}. Lower the limits of the piles without a watchdog, or have fewer of them.`,
      zh: `控制器失联时，各桩${onZh}最多可用 ${taken}（${list('、')}），而${zh}。请降低无看门狗桩的限值或减少其数量。`,
    },
  ];
}
