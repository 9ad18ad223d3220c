import { formatKwh, formatMoney } from '#shared/units.ts';

interface Bill {
  readonly lines: readonly { readonly energy_wh: number; readonly price_e4: number; readonly amount_minor: number }[];
  readonly total: { readonly minor: number; readonly currency: string };
}

/** An order as the partner API shows it, as far as the figures need it. */
export interface OrderDocument {
  readonly state: string;
  readonly energy_wh: number;
  readonly amount_due: { readonly minor: number } | null;
  readonly cdr: {
    readonly energy_wh: number;
    readonly bill: Bill | null;
    readonly bill_of_platform: Bill | null;
  } | null;
}

/** What everybody says of the same charge. */
export interface Figures {
  readonly isRepeatHarmless: boolean;
  readonly isOff: boolean;
  readonly areWebhooksSigned: boolean;
  readonly truthWh: number;
  readonly meterWh: number;
  readonly order: OrderDocument;
  readonly webhook: OrderDocument;
}

/** Bills count whole watt-hours, and so do most meters: the difference of two readings misses the truth by less than one. */
const METER_RESOLUTION_WH = 1;

/** A partner's own sum: every line rounded half up once, then added. */
function recomputeMinor(bill: Bill): number {
  return bill.lines.reduce(
    (sum, line) => sum + Math.floor((line.energy_wh * line.price_e4 * 2 + 100_000) / 200_000),
    0,
  );
}

/**
 * What does not agree, in words. Empty when everything does.
 *
 * @param resolutionWh of the meter that bills: the difference of two readings misses the truth by less than that
 */
export function disagreements(figures: Figures, resolutionWh = METER_RESOLUTION_WH): string[] {
  const { order, webhook, truthWh, meterWh } = figures;
  const cdr = order.cdr;
  const problems: string[] = [];
  const demand = (isTrue: boolean, problem: string) => {
    if (!isTrue) problems.push(problem);
  };
  demand(figures.isOff, 'the contactor is still closed');
  demand(figures.areWebhooksSigned, 'a webhook signature does not verify');
  demand(figures.isRepeatHarmless, 'repeating the request_id changed something');
  demand(order.state === 'completed', `the order is ${order.state}`);
  if (cdr === null || cdr.bill === null || cdr.bill_of_platform === null || webhook.cdr?.bill == null) {
    return [...problems, 'a bill is missing'];
  }
  demand(cdr.energy_wh > 0, 'no energy was billed');
  demand(Math.abs(cdr.energy_wh - truthWh) < resolutionWh, `CDR ${cdr.energy_wh} Wh, truth ${truthWh} Wh`);
  demand(Math.abs(cdr.energy_wh - meterWh) < resolutionWh, `CDR ${cdr.energy_wh} Wh, meter ${meterWh} Wh`);
  demand(order.energy_wh === cdr.energy_wh, `order ${order.energy_wh} Wh, CDR ${cdr.energy_wh} Wh`);
  demand(webhook.energy_wh === cdr.energy_wh, `webhook ${webhook.energy_wh} Wh, CDR ${cdr.energy_wh} Wh`);
  const edgeMinor = cdr.bill.total.minor;
  const sums = {
    platform: cdr.bill_of_platform.total.minor,
    order: order.amount_due?.minor,
    webhook: webhook.amount_due?.minor,
    partner: recomputeMinor(webhook.cdr.bill),
  };
  for (const [whose, minor] of Object.entries(sums)) {
    demand(minor === edgeMinor, `the site bills ${edgeMinor}, the ${whose} ${minor} (minor units)`);
  }
  return problems;
}

/** The figures side by side. */
export function figuresTable(figures: Figures): string {
  const { order, webhook } = figures;
  const { bill, bill_of_platform: platform } = order.cdr ?? { bill: null, bill_of_platform: null };
  const money = (shown: Bill | null | undefined) =>
    shown == null ? 'missing' : formatMoney(shown.total.minor, shown.total.currency);
  const currency = bill?.total.currency ?? '';
  const rows: [string, string, string][] = [
    ["the simulator's truth", `${(figures.truthWh / 1000).toFixed(6)} kWh`, ''],
    ["the pile's meter", formatKwh(figures.meterWh), ''],
    ['CDR of the edge', formatKwh(order.cdr?.energy_wh ?? 0), money(bill)],
    ['order in the cloud, rated again', formatKwh(order.energy_wh), money(platform)],
    [
      'partner, recomputed from the webhook',
      formatKwh(webhook.energy_wh),
      webhook.cdr?.bill == null ? 'missing' : formatMoney(recomputeMinor(webhook.cdr.bill), currency),
    ],
  ];
  const line = (cells: readonly string[]) =>
    `  ${(cells[0] ?? '').padEnd(38)}${(cells[1] ?? '').padStart(16)}${(cells[2] ?? '').padStart(14)}`;
  return [line(['', 'energy', 'money']), ...rows.map(line)].join('\n');
}
