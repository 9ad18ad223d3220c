import { answerPdu, exceptionPdu } from '../line/pdu.ts';
import type { SlaveDevice } from '../line/slave.ts';
import { ALFEN_MAX_CURRENT_A } from './alfen-ng9xx.ts';
import { tableImage } from './image.ts';
import type { ModelOptions } from './model-options.ts';
import type { Pile } from './pile.ts';
import { ascii, float, word } from './register-shapes.ts';
import { readTable } from './registers.ts';

/** The unit that answers for the whole station. */
export const ALFEN_STATION_UNIT = 200;

/**
 * The station-wide registers of an Alfen NG9xx with `sockets`: identity, current, temperature, number of sockets. They are
 * read only. Clock, uptime and the smart charging network block are not there.
 */
export function alfenStation(
  sockets: readonly Pile[],
  { serialNumber = 'ACE0234567', firmware = '6.4.0' }: ModelOptions = {},
): SlaveDevice {
  const hottestC = (): number => Math.max(...sockets.map((socket) => socket.truth().temperatureC));
  const image = tableImage({
    functions: [3, 6, 16],
    holdings: readTable(
      ascii(100, 17, () => 'ALF_1000'),
      ascii(117, 5, () => 'Alfen NV'),
      word(122, () => 1),
      ascii(123, 17, () => `${firmware}-4210`),
      ascii(140, 17, () => 'NG910'),
      ascii(157, 11, () => serialNumber),
      float(1100, () => ALFEN_MAX_CURRENT_A),
      float(1102, hottestC),
      word(1104, () => 0),
      word(1105, () => sockets.length),
    ),
  });
  return {
    execute: (request, how) =>
      how.exceptionCode === undefined
        ? answerPdu(request, image, !how.ignoreWrites)
        : { reply: exceptionPdu(request[0] ?? 0, how.exceptionCode), kind: 'exception' },
  };
}
