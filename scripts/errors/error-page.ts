import { join } from 'node:path';
import { type ErrorReach, errorCodes, httpStatusOf, reachOf } from '../../cloud/http/error-reach.ts';
import { type ErrorCode, errorCatalogue } from '../../shared/errors.ts';
import { whoseFault } from '../../shared/faults/whose.ts';
import { type FaultCode, faultCatalogue, faultCodes } from '../../shared/faults.ts';

export const errorPageFile = join(import.meta.dirname, '../../docs/errors.md');

const faults = {
  caller: 'caller 调用方',
  vehicle: 'vehicle 车辆',
  pile: 'pile 桩',
  site: 'site 站点',
  network: 'network 网络',
  platform: 'platform 平台',
} as const;

const parts: readonly { reach: ErrorReach; title: string; words: string }[] = [
  {
    reach: 'answer',
    title: 'Answers to partners · 对合作方的答复',
    words:
      'Problems (RFC 9457) with this `code`; some are told as a `failure` as well, when the site finds what the platform could not know.\n\n' +
      '问题文档（RFC 9457）中的 `code`；站点发现平台无从得知的情况时，也会作为 `failure` 出现。',
  },
  {
    reach: 'outcome',
    title: 'Outcomes told to partners · 告知合作方的结果',
    words:
      'The `failure.code` of an operation, an order or a reservation that had been accepted.\n\n' +
      '已受理的操作、订单或预约的 `failure.code`。',
  },
  {
    reach: 'inside',
    title: 'Staff, sites and programs · 运营人员、站点与程序',
    words: 'No partner meets these.\n\n合作方不会遇到。',
  },
];

const cell = (...texts: readonly string[]): string => texts.join('<br>').replaceAll('|', '\\|');

function row(code: ErrorCode): string {
  const { fault, en, zh, doEn, doZh } = errorCatalogue[code];
  const name = `<a id="${code}"></a>\`${code}\``;
  return `| ${name} | ${httpStatusOf(code) ?? '–'} | ${faults[fault]} | ${cell(en, zh)} | ${cell(doEn, doZh)} |`;
}

function faultRow(code: FaultCode): string {
  const { en, zh, driverEn, driverZh } = faultCatalogue[code];
  const name = `<a id="fault-${code}"></a>\`${code}\``;
  return `| ${name} | ${faults[whoseFault(code)]} | ${cell(en, zh)} | ${cell(driverEn, driverZh)} |`;
}

/** What a charge ends with that was stopped by a fault. */
const faultTable = [
  '## Faults · 故障',
  '',
  'The `fault_code` of a charge that has ended, and the `faults` of a connector. A running cloud tells the same at `GET /fault-codes` and `GET /fault-codes/{code}`. More may be added.',
  '',
  '充电结束时的 `fault_code`，以及充电枪状态中的 `faults`。运行中的平台在 `GET /fault-codes` 与 `GET /fault-codes/{code}` 提供相同内容。故障码可能增加。',
  '',
  '| code | whose 责任方 | what it says 含义 | for the driver 告知司机 |',
  '| --- | --- | --- | --- |',
  ...faultCodes.map(faultRow),
].join('\n');

/** The catalogue of errors as a page in both languages. */
export function errorPage(): string {
  const tables = parts.map(({ reach, title, words }) => {
    const rows = errorCodes.filter((code) => reachOf(code) === reach).map(row);
    const head = [
      '| code | HTTP | whose 责任方 | what it says 含义 | what to do 处理办法 |',
      '| --- | --- | --- | --- | --- |',
    ];
    return [`## ${title}`, '', words, '', ...head, ...rows].join('\n');
  });
  const intro = [
    '# Errors · 错误码',
    '',
    'Written by `npm run write:errors` from [the catalogue](../shared/errors.ts). A running cloud tells the same, without a login, at `GET /errors` and `GET /errors/{code}`: the',
    '`type` of a problem leads there. Codes are added, never renamed. Branch on `code`, never on texts.',
    '',
    '由 `npm run write:errors` 根据[错误目录](../shared/errors.ts)生成。运行中的平台在 `GET /errors` 与 `GET /errors/{code}` 提供相同内容，无需登录；问题文档的 `type` 即指向该处。错误码只增不改。请按 `code` 分支，不要依赖文字。',
  ].join('\n');
  return `${[intro, ...tables, faultTable].join('\n\n')}\n`;
}
