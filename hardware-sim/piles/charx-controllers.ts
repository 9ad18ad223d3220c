import { answerPdu, exceptionPdu } from '../line/pdu.ts';
import type { SlaveDevice } from '../line/slave.ts';
import { tableImage } from './image.ts';
import { CHARX_FUNCTIONS, CONNECTOR_SPAN } from './phoenix-charx-sec.ts';
import type { Pile } from './pile.ts';
import { ascii, word } from './register-shapes.ts';
import { readTable } from './registers.ts';

/** The connector that a request's first address belongs to; 0 stands for the registers that all have in common. */
function socketOf(request: Uint8Array): number {
  return Math.floor((((request[1] ?? 0) << 8) | (request[2] ?? 0)) / CONNECTOR_SPAN);
}

/**
 * The CHARX SEC controllers behind one unit: each connector answers for its own thousand of addresses, the device itself for
 * name, software and number of controllers. Everything else is exception 2.
 */
export function charxControllers(connectors: ReadonlyMap<number, Pile>): SlaveDevice {
  const registers = readTable(
    ascii(100, 10, () => 'CHARX SEC-3100'),
    ascii(110, 4, () => '1.6.3'),
    word(114, () => connectors.size),
  );
  const image = tableImage({ functions: CHARX_FUNCTIONS, inputs: registers, holdings: registers });
  return {
    execute: (request, how) => {
      const connector = connectors.get(socketOf(request));
      if (connector !== undefined) return connector.execute(request, how);
      if (how.exceptionCode === undefined) return answerPdu(request, image, !how.ignoreWrites);
      return { reply: exceptionPdu(request[0] ?? 0, how.exceptionCode), kind: 'exception' };
    },
  };
}
