/**
 * The fault catalogue: what can go wrong at a pile, how soon it must be off, and whether a technician
 * has to reset it. Deadlines run from detection to "current below 1 A, proven by reading back".
 */
export interface FaultEntry {
  readonly severity: 'warning' | 'critical';
  /** Which rung the stop ladder begins on. */
  readonly reaction: 'soft-stop' | 'hard-stop';
  /** From detection until every rung must have been tried and the current proven below 1 A. */
  readonly deadlineMs: number;
  /** A latched fault keeps the connector out of service until a technician resets it. */
  readonly latch: boolean;
  readonly source: string;
  readonly en: string;
  readonly zh: string;
}

export const faultCatalogue = {
  'over-temperature': {
    severity: 'critical',
    reaction: 'soft-stop',
    deadlineMs: 10_000,
    latch: false,
    source: 'vendor limit of the pile; reasoned stop budget of 10 s',
    en: 'The pile is too hot.',
    zh: '充电桩温度过高。',
  },
  'over-current': {
    severity: 'critical',
    reaction: 'hard-stop',
    deadlineMs: 10_000,
    latch: true,
    source: 'GB/T 18487.1 A.3.10.7: 1.1 times the rated current',
    en: 'The vehicle draws more than it is offered.',
    zh: '充电电流超过允许值。',
  },
  'gun-removed': {
    severity: 'warning',
    reaction: 'soft-stop',
    deadlineMs: 10_000,
    latch: false,
    source: 'GB/T 18487.1: state 1, nothing plugged',
    en: 'The gun was removed during the charge.',
    zh: '充电过程中枪头被拔出。',
  },
  'communication-lost': {
    severity: 'critical',
    reaction: 'soft-stop',
    deadlineMs: 10_000,
    latch: false,
    source: 'missing data counts as unsafe; the pile falls back by its own watchdog',
    en: 'The pile does not answer.',
    zh: '充电桩通信中断。',
  },
  'measurement-missing': {
    severity: 'critical',
    reaction: 'soft-stop',
    deadlineMs: 10_000,
    latch: false,
    source: 'missing data counts as unsafe',
    en: 'The pile answers, but its current is not told any more.',
    zh: '充电桩有应答，但电流测量数据缺失。',
  },
  'pile-fault': {
    severity: 'critical',
    reaction: 'hard-stop',
    deadlineMs: 10_000,
    latch: false,
    source: 'the pile reports an error state',
    en: 'The pile reports a fault.',
    zh: '充电桩上报故障。',
  },
  'contactor-welded': {
    severity: 'critical',
    reaction: 'hard-stop',
    deadlineMs: 10_000,
    latch: true,
    source: 'the pile reads its contactor back as closed after it was told to open',
    en: 'The contactor of the pile does not open.',
    zh: '充电桩接触器粘连。',
  },
  'residual-current': {
    severity: 'critical',
    reaction: 'hard-stop',
    deadlineMs: 10_000,
    latch: true,
    source: 'IEC 62955: the residual current device of the pile has tripped',
    en: 'The pile has tripped on residual current.',
    zh: '充电桩漏电保护动作。',
  },
  'emergency-stop': {
    severity: 'critical',
    reaction: 'hard-stop',
    deadlineMs: 10_000,
    latch: false,
    source: 'the emergency stop of the pile is pressed; the button itself latches',
    en: 'The emergency stop of the pile is pressed.',
    zh: '充电桩急停按钮已按下。',
  },
  'voltage-fault': {
    severity: 'critical',
    reaction: 'hard-stop',
    deadlineMs: 10_000,
    latch: false,
    source: 'the pile reports mains or output voltage outside its limits',
    en: 'The voltage at the pile is outside its limits.',
    zh: '充电桩电压超限。',
  },
  'vehicle-fault': {
    severity: 'warning',
    reaction: 'soft-stop',
    deadlineMs: 10_000,
    latch: false,
    source: 'IEC 61851-1 control pilot, GB/T 27930 BST: the vehicle or its cable is at fault',
    en: 'The vehicle or its cable reports a fault.',
    zh: '车辆或充电线缆故障。',
  },
  'plug-lock-failed': {
    severity: 'warning',
    reaction: 'soft-stop',
    deadlineMs: 10_000,
    latch: false,
    source: 'the pile cannot lock or release the plug',
    en: 'The lock of the plug does not work.',
    zh: '充电枪电子锁故障。',
  },
  'parking-lock-fault': {
    severity: 'warning',
    reaction: 'soft-stop',
    deadlineMs: 10_000,
    latch: false,
    source: 'ground lock or barrier: jammed, damaged, or silent',
    en: 'The ground lock or barrier of the bay does not work.',
    zh: '车位地锁或道闸故障。',
  },
  'setup-not-taken': {
    severity: 'critical',
    reaction: 'soft-stop',
    deadlineMs: 10_000,
    latch: false,
    source: 'the set-up of the pile cannot be written or read back: its watchdog cannot be relied on',
    en: 'The pile does not take its set-up.',
    zh: '充电桩未接受初始化设置。',
  },
  'energy-without-session': {
    severity: 'critical',
    reaction: 'hard-stop',
    deadlineMs: 10_000,
    latch: false,
    source: 'no permit without a session: what nobody recorded, nobody may deliver',
    en: 'The pile delivers although no charge was started.',
    zh: '未启动充电，充电桩却在输出。',
  },
  'stop-not-proven': {
    severity: 'critical',
    reaction: 'hard-stop',
    deadlineMs: 0,
    latch: true,
    source: 'stop ladder exhausted: the contactor may be welded',
    en: 'The pile was told to stop by every way there is, and current still flows.',
    zh: '所有停机手段均已执行，但仍有电流。',
  },
} as const satisfies Record<string, FaultEntry>;

export type FaultCode = keyof typeof faultCatalogue;
export const faultCodes = Object.keys(faultCatalogue) as FaultCode[];
