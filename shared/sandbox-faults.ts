interface SandboxFault {
  /** What it strikes: one connector, or all of its site. */
  readonly strikes: 'connector' | 'site';
  /** What a partner sees of it. */
  readonly en: string;
  readonly zh: string;
}

/** What a partner can make happen at a simulated pile, to see what comes of it. The names are public: they are added, never renamed. */
export const sandboxFaults = {
  'vehicle-plugged': {
    strikes: 'connector',
    en: 'A vehicle is plugged in: status plugged. Afterwards it drives away.',
    zh: '车辆插枪：状态为 plugged。结束后车辆离开。',
  },
  'gun-removed': {
    strikes: 'connector',
    en: 'The gun is pulled out: a charge ends with stop_reason gun-removed. Nothing is plugged in again afterwards.',
    zh: '枪被拔出：充电以 stop_reason gun-removed 结束。之后不会自动重新插枪。',
  },
  'emergency-stop': {
    strikes: 'connector',
    en: 'The emergency stop of the pile is pressed: a charge ends with stop_reason fault, the status is faulted, a start is refused with connector.faulted.',
    zh: '按下桩上急停：充电以 stop_reason fault 结束，状态为 faulted，启动被拒绝（connector.faulted）。',
  },
  'ground-fault': {
    strikes: 'connector',
    en: 'The protection of the pile has acted: a charge ends with stop_reason fault, the status is faulted, a start is refused with connector.faulted.',
    zh: '桩的保护动作：充电以 stop_reason fault 结束，状态为 faulted，启动被拒绝（connector.faulted）。',
  },
  'contactor-welded': {
    strikes: 'connector',
    en: 'Current cannot be switched off: a charge that is to stop stays with status stopping and the fault contactor-welded until this is over, then ends, and is billed to the last watt-hour.',
    zh: '接触器粘连，电流无法切断：需停止的充电状态保持 stopping 并带有故障 contactor-welded，直至故障结束后才结束，电量全部计费。',
  },
  'over-temperature': {
    strikes: 'connector',
    en: 'The pile gets too hot: a charge ends with stop_reason fault and fault_code over-temperature; until it has cooled down, some ten seconds after the fault, a start fails with connector.faulted.',
    zh: '桩过热：充电以 stop_reason fault、fault_code over-temperature 结束；在其冷却之前（故障结束后约十几秒），启动失败（connector.faulted）。',
  },
  'meter-stuck': {
    strikes: 'connector',
    en: 'The meter does not count any more: a charge ends with stop_reason fault and fault_code meter-stuck after about a minute.',
    zh: '电表停止计数：约一分钟后充电以 stop_reason fault、fault_code meter-stuck 结束。',
  },
  'pile-offline': {
    strikes: 'connector',
    en: 'The pile does not answer: status offline, a start is refused with connector.offline.',
    zh: '桩无应答：状态为 offline，启动被拒绝（connector.offline）。',
  },
  'start-ignored': {
    strikes: 'connector',
    en: 'The pile takes a start and does nothing: charge.start_failed with pile.no_confirmation, within 60 s.',
    zh: '桩接受启动但不执行：60 秒内收到 charge.start_failed，错误码 pile.no_confirmation。',
  },
  'site-offline': {
    strikes: 'site',
    en: 'The site loses the platform: online is false, a start is refused with site.offline. A charge that runs goes on; its end is told when the site is back.',
    zh: '站点与平台断开：online 为 false，启动被拒绝（site.offline）。进行中的充电继续，站点恢复后通知其结束。',
  },
  'site-silent': {
    strikes: 'site',
    en: 'Nothing gets through between site and platform, and nobody has noticed yet: a start in the first seconds is taken, and fails after its 60 s with operation.timed_out.',
    zh: '站点与平台之间的数据丢失而尚未察觉：最初几秒内的启动会被受理，60 秒后以 operation.timed_out 失败。',
  },
} as const satisfies Record<string, SandboxFault>;

export type SandboxFaultKind = keyof typeof sandboxFaults;

const isKind = (name: string): name is SandboxFaultKind => Object.hasOwn(sandboxFaults, name);
export const sandboxFaultKinds: readonly SandboxFaultKind[] = Object.keys(sandboxFaults).filter(isKind);
