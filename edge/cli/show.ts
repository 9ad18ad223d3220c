import { formatKwh } from '#shared/units.ts';
import type { DeviceView } from '../runtime/device-views.ts';
import type { InputView, OutputView } from '../runtime/io-views.ts';
import type { LineView } from '../runtime/site-lines.ts';
import type { ParkingView } from '../runtime/site-parking.ts';
import type { SyncView } from '../runtime/thread-messages.ts';
import { cardsText } from './cards-text.ts';
import type { Shown, SiteStatus } from './control-socket.ts';
import { deadLettersText } from './dead-letters-command.ts';
import { documentsText } from './documents-command.ts';
import { powerText } from './power-text.ts';
import { rulesText } from './rules-command.ts';
import { storageText } from './storage-text.ts';

/** An answer of the edge as text for a terminal. */
export function textOf(shown: Shown): string {
  switch (shown.kind) {
    case 'done':
      return 'done';
    case 'status':
      return statusText(shown.status);
    case 'lines':
      return linesText(shown.lines);
    case 'devices':
      return devicesText(shown.devices);
    case 'parking':
      return parkingText(shown.devices);
    case 'power':
      return powerText(shown.power);
    case 'storage':
      return storageText(shown.storage);
    case 'inputs':
      return ioText(shown.inputs, shown.outputs);
    case 'cards':
      return cardsText(shown.access);
    case 'rules':
      return rulesText(shown.rules);
    case 'documents':
      return documentsText(shown.documents);
    case 'dead-letters':
      return deadLettersText(shown.letters);
    case 'text':
      return shown.text;
  }
}

type Cell = string | number | null;
const row = (cells: readonly Cell[], widths: readonly number[]): string =>
  cells
    .map((value, i) => String(value ?? '-').padEnd(widths[i] ?? 0))
    .join('')
    .trimEnd();

function statusText(status: SiteStatus): string {
  const widths = [16, status.connectors.some((c) => c.reservationId !== undefined) ? 22 : 12, 10, 14, 10];
  const rows = status.connectors.map((c) =>
    row(
      [
        c.connectorId,
        c.reservationId === undefined ? c.status : `${c.status}, reserved`,
        c.currentMa === null ? null : `${(c.currentMa / 1000).toFixed(1)} A`,
        c.energyWh === null ? null : formatKwh(c.energyWh),
        c.temperatureC === null ? null : `${c.temperatureC} °C`,
        c.faults.join(', '),
      ],
      widths,
    ),
  );
  const { sync } = status;
  const link =
    sync === null
      ? 'cloud: not known yet'
      : `cloud: ${heldText(sync) ?? sync.link}${wayText(sync)}, ${sync.backlog} records waiting, ${sync.ackedSeq} of ${sync.headSeq} acknowledged`;
  const head = row(['connector', 'status', 'current', 'energy', 'temp', 'faults'], widths);
  return [`site ${status.siteId}`, head, ...rows, link].join('\n');
}

const wayText = ({ way }: SyncView): string => (way === 0 ? '' : ` over fallback ${way}`);

function heldText({ held }: SyncView): string | null {
  switch (held) {
    case 'wait':
      return 'waiting until another controller of this site has fallen silent';
    case 'barred':
      return 'ANOTHER CONTROLLER SPEAKS FOR THIS SITE; staff must choose one';
    case 'begin-epoch':
    case null:
      return null;
  }
}

const ms = (value: number): string => `${value.toFixed(1)} ms`;

function linesText(lines: readonly LineView[]): string {
  const widths = [24, 10, 10, 10, 8, 10, 11, 12, 12];
  const head = row(
    ['line / device', 'requests', 'answers', 'timeouts', 'crc', 'mismatch', 'exceptions', 'reply', 'longest'],
    widths,
  );
  const body = lines.flatMap(({ lineId, transport, utilisation, counters: own, devices }) => [
    row([lineId, own.requests, own.answers, own.timeouts, own.crcErrors, own.mismatches, own.exceptions], widths),
    `  ${transport}, ${(100 * utilisation).toFixed(1)} % of the time used, opened ${own.opened} times, ${own.strayBytes} stray bytes`,
    ...devices.map(({ device, counters: c }) =>
      row(
        [
          `  ${device}`,
          c.requests,
          c.answers,
          c.timeouts,
          c.crcErrors,
          c.mismatches,
          c.exceptions,
          ms(c.replyMs),
          ms(c.longestReplyMs),
          c.spared === 0 ? '' : `silent: ${c.spared} requests spared`,
        ],
        widths,
      ),
    ),
  ]);
  return [head, ...body].join('\n');
}

function devicesText(devices: readonly DeviceView[]): string {
  const widths = [16, 28, 24, 20, 20];
  const rows = devices.map((d) =>
    row([d.connectorId, d.model, d.serialNumber, d.firmware, d.meterId, d.objection ?? ''], widths),
  );
  return [row(['connector', 'model', 'serial number', 'firmware', 'meter', 'known against it'], widths), ...rows].join(
    '\n',
  );
}

function parkingText(devices: readonly ParkingView[]): string {
  if (devices.length === 0) return 'no ground lock or barrier at this site';
  const widths = [16, 16, 10, 10, 10];
  const rows = devices.map((d) =>
    row(
      [
        d.deviceId,
        d.connectorId,
        d.position,
        d.bay,
        d.batteryPercent === null ? null : `${d.batteryPercent} %`,
        d.fault ?? '',
      ],
      widths,
    ),
  );
  return [row(['device', 'connector', 'position', 'bay', 'battery', 'fault'], widths), ...rows].join('\n');
}

function ioText(inputs: readonly InputView[], outputs: readonly OutputView[]): string {
  if (inputs.length + outputs.length === 0) return 'no inputs and no trip outputs at this site';
  const widths = [16, 16, 16, 18, 10];
  const isOr = (is: boolean, yes: string) => (is ? yes : '');
  const rows = [
    ...inputs.map(({ inputId, boardId, channel, kind, level, latched, lost, covers }) =>
      row(
        [
          inputId,
          `${boardId} in ${channel}`,
          kind,
          lost ? 'cannot be seen' : level,
          isOr(latched, 'latched'),
          covers === 'all' ? 'all' : covers.join(', '),
        ],
        widths,
      ),
    ),
    ...outputs.map(({ outputId, boardId, channel, tripped, isOn, lost, trips }) =>
      row(
        [
          outputId,
          `${boardId} out ${channel}`,
          'trip output',
          lost || isOn === null ? 'cannot be seen' : `relay ${isOn ? 'on' : 'off'}`,
          isOr(tripped, 'tripped'),
          trips.join(', '),
        ],
        widths,
      ),
    ),
  ];
  return [row(['name', 'channel', 'kind', 'seen', 'state', 'connectors'], widths), ...rows].join('\n');
}
