import { faultCatalogue } from '#shared/faults.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { type ConnectorState, type Context, type Decision, note, stay } from './connector.ts';
import { changeOf, identified, type KnownDevice } from './known-device.ts';
import type { Reading } from './reading.ts';
import { alarm } from './report.ts';

/**
 * Notices who answers. Another pile or meter than before is said, with the reading that the old one was left at and the
 * one that the new one begins with; identity and history of the connector stay.
 */
export function noticeDevice(state: ConnectorState, reading: Reading, context: Context): Decision {
  const device = identified(state.device, reading);
  const next = { ...state, device };
  if (isSame(state.device, device)) return stay(next);
  const { connectorId } = context.facts;
  const change = state.device === null ? null : changeOf(state.device, device);
  const isSaid = state.device !== null && change !== null && change !== 'firmware-changed';
  const records = isSaid ? [replacement(change, { old: state.device, present: device }, context)] : [];
  return { state: next, orders: [note({ records, device: { connectorId, device } })] };
}

/** As far as names go: its register moves all the time. */
const isSame = (known: KnownDevice | null, present: KnownDevice): boolean =>
  present.serialNumber === (known?.serialNumber ?? null) &&
  present.firmware === (known?.firmware ?? null) &&
  present.meterId === (known?.meterId ?? null);

function replacement(
  change: 'pile-replaced' | 'meter-replaced',
  { old, present }: { old: KnownDevice; present: KnownDevice },
  context: Context,
): RecordOf<'alarm.raised'> {
  const nameOf = (device: KnownDevice) => (change === 'pile-replaced' ? device.serialNumber : device.meterId);
  const told = (device: KnownDevice) => `${nameOf(device)} at ${device.registerWh ?? 'unknown'} Wh`;
  const detail = `${faultCatalogue[change].en} ${told(old)}, then ${told(present)}`;
  return alarm(context.facts, change, { alarmId: context.newId(), sessionId: null, detail });
}
